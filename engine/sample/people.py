"""The sample shop's customers: who they are and how they buy."""

from datetime import date, datetime, timedelta

from engine.sample.chance import Chance
from engine.sample.model import Person
from engine.sample.words import CATEGORIES, COUNTRIES, FAMILY_NAMES, GIVEN_NAMES, PHONES, SOURCES

# Of each ten: how they buy. Newcomers order for the first time in the last two weeks.
HABITS = ("loyal", "regular", "occasional", "once", "lapsed", "once", "regular", "occasional", "newcomer", "prospect")


def make_people(seed: int, count: int, start: datetime, end: datetime) -> list[Person]:
    """The customers, in the order in which their keys were given."""
    chance = Chance(seed, "people")
    return [_person(chance, index, start, end) for index in range(count)]


def _person(chance: Chance, index: int, start: datetime, end: datetime) -> Person:
    country = chance.weighted(list(COUNTRIES), [weight for weight, *_ in COUNTRIES.values()])
    _, language, locale, zone, places = COUNTRIES[country]
    city, region, postal = chance.one(places)
    given, family = chance.one(GIVEN_NAMES[language]), chance.one(FAMILY_NAMES[language])
    key = f"C{1001 + index}"
    habit = HABITS[index % len(HABITS)]
    # Counted rather than drawn, so that every shop has some of each.
    speechless, nameless, bounces, refuses = (
        index % step == rest for step, rest in ((37, 11), (17, 4), (31, 6), (29, 5))
    )
    newcomer = habit == "newcomer"
    return Person(
        key=key,
        given_name="" if nameless else given,
        family_name="" if nameless else family,
        email="" if speechless and not newcomer else f"{key}.{_plain(family)}@example.invalid".lower(),
        phone=PHONES[country].format(index % 1000) if country in PHONES and chance.happens(0.6) else "",
        locale=locale if chance.happens(0.92) else "",
        zone=zone,
        country=country,
        region=region,
        city=city,
        postal_code="".join(str(chance.whole(0, 9)) if sign == "#" else sign for sign in postal),
        birthday=date(1950, 1, 1) + timedelta(days=chance.whole(0, 19_000)) if chance.happens(0.45) else None,
        source=chance.one(SOURCES),
        signed_up=_signed_up(chance, habit, start, end),
        habit=habit,
        category=chance.one(list(CATEGORIES)),
        evenings=chance.happens(0.35),
        zone_told=zone != "Europe/Berlin" or chance.happens(0.5),
        bounced=start + timedelta(days=200) + chance.hours(0, 24 * 145) if bounces and not newcomer else None,
        refuses_service=refuses and not newcomer,
    )


def _signed_up(chance: Chance, habit: str, start: datetime, end: datetime) -> datetime:
    span = (end - start).total_seconds()
    late = {"once": 0.92, "prospect": 0.95, "occasional": 0.6, "regular": 0.5, "loyal": 0.3}.get(habit, 0.1)
    return start + timedelta(seconds=int(span * late * chance.between(0, 1)))


def _plain(name: str) -> str:
    """The name in letters that every mail server takes."""
    return name.lower().translate(str.maketrans("äöüéèáçñ", "aoueeacn"))
