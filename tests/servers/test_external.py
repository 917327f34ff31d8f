import pytest

from engine.servers.external import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:geheim@db/shop", "postgresql://ann:***@db/shop"),
        (
            "postgresql://ann:ge%40heim@db:5432/shop?sslmode=require",
            "postgresql://ann:***@db:5432/shop?sslmode=require",
        ),
        ("postgresql://ann@db/shop?password=geheim&x=1", "postgresql://ann@db/shop?password=***&x=1"),
        ("host=db user=ann password=geheim dbname=shop", "host=db user=ann password=*** dbname=shop"),
        ("host=db password='ge heim' dbname=shop", "host=db password=*** dbname=shop"),
        ("smtp://ann:geheim@mail:587?starttls=require", "smtp://ann:***@mail:587?starttls=require"),
        ("postgresql://ann:ge:he:im@db/shop", "postgresql://ann:***@db/shop"),
        ("postgresql://db/shop", "postgresql://db/shop"),
        ("fault at postgresql://a:b@c/d and smtp://e:f@g", "fault at postgresql://a:***@c/d and smtp://e:***@g"),
    ],
)
def test_passwords_are_never_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown
