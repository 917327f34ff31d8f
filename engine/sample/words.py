"""The words of the sample shop: names that nobody has, places, products and what people write."""

from collections.abc import Mapping

GIVEN_NAMES = {
    "de": (
        "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hannes", "Ida", "Jonas", "Klara", "Leon", "Mia",
        "Nico", "Oskar", "Paula", "Ruth", "Sven", "Tilda", "Uwe", "Vera", "Wim", "Yara", "Zoe",
    ),
    "fr": ("Amélie", "Bruno", "Chloé", "Denis", "Élise", "Fabien", "Inès", "Jules", "Manon", "Théo"),
    "en": ("Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan", "Judy", "Mallory", "Olivia"),
}  # fmt: skip
FAMILY_NAMES = {
    "de": ("Musterfrau", "Mustermann", "Beispiel", "Platzhalter", "Vorlage", "Probe", "Fiktiv", "Erfunden", "Niemand"),
    "fr": ("Exemple", "Modèle", "Personne", "Imaginaire", "Spécimen", "Échantillon"),
    "en": ("Sample", "Example", "Placeholder", "Nobody", "Fiction", "Template", "Anyone"),
}
# Country: weight, language, locale, zone, and places as (city, region, postal code).
COUNTRIES: Mapping[str, tuple[int, str, str, str, tuple[tuple[str, str, str], ...]]] = {
    "DE": (56, "de", "de-DE", "Europe/Berlin", (
        ("Berlin", "BE", "10###"), ("Hamburg", "HH", "20###"), ("München", "BY", "80###"), ("Köln", "NW", "50###"),
        ("Leipzig", "SN", "04###"), ("Bremen", "HB", "28###"), ("Freiburg", "BW", "79###"), ("Görlitz", "SN", "02###"),
    )),
    "AT": (12, "de", "de-AT", "Europe/Vienna", (
        ("Wien", "9", "10##"), ("Graz", "6", "80##"), ("Linz", "4", "40##"),
    )),
    "FR": (10, "fr", "fr-FR", "Europe/Paris", (
        ("Lyon", "ARA", "690##"), ("Nantes", "PDL", "440##"), ("Lille", "HDF", "590##"),
    )),
    "GB": (10, "en", "en-GB", "Europe/London", (
        ("Leeds", "ENG", "LS1 #ZZ"), ("Cardiff", "WLS", "CF10 #ZZ"), ("York", "ENG", "YO1 #ZZ"),
    )),
    "IE": (4, "en", "en-IE", "Europe/Dublin", (("Cork", "M", "T12 ZZ##"), ("Galway", "C", "H91 ZZ##"))),
    "PT": (3, "en", "pt-PT", "Europe/Lisbon", (("Porto", "13", "40##-0##"), ("Faro", "08", "80##-0##"))),
    "FI": (3, "en", "fi-FI", "Europe/Helsinki", (("Turku", "19", "20###"), ("Oulu", "14", "90###"))),
    "US": (2, "en", "en-US", "America/New_York", (("Springfield", "MA", "011##"), ("Arlington", "VA", "222##"))),
}  # fmt: skip
# Numbers that are set aside for stories in each country, so that nobody's telephone rings.
PHONES = {
    "DE": "+49 30 23125{:03d}", "GB": "+44 20 7946 0{:03d}", "FR": "+33 1 99 00 1{:03d}", "US": "+1 212 555 0{:03d}",
}  # fmt: skip
SOURCES = ("search", "ad", "friend", "mail", "deal site", "fair")
CHANNELS = ("direct", "search", "ad", "mail", "deal site")
CAMPAIGNS = (
    ("summer-sale", "Summer sale", (2024, 7, 1), (2024, 7, 15)),
    ("back-home", "Back home", (2024, 9, 9), (2024, 9, 16)),
    ("black-week", "Black week", (2024, 11, 25), (2024, 12, 2)),
    ("advent", "Advent", (2024, 12, 2), (2024, 12, 22)),
    ("winter-sale", "Winter sale", (2025, 1, 6), (2025, 1, 20)),
    ("spring-start", "Spring start", (2025, 3, 20), (2025, 3, 30)),
)
# Category: titles, price from and to in euros, days until it has settled, days until it is bought again, sizes.
CATEGORIES: Mapping[str, tuple[tuple[str, ...], int, int, int, int, tuple[str, ...]]] = {
    "shoes": (
        ("Canvas trainer", "Ankle boot", "Loafer", "Felt slipper", "Rain boot"), 49, 149, 14, 240, ("38", "41", "44"),
    ),
    "shirts": (("Linen shirt", "Oxford shirt", "Striped tee", "Flannel shirt"), 19, 69, 7, 120, ("S", "M", "L")),
    "dresses": (("Summer dress", "Knit dress", "Wrap dress", "Denim dress"), 39, 119, 7, 180, ("S", "M", "L")),
    "coats": (("Wool coat", "Rain jacket", "Quilted vest", "Duffle coat"), 89, 249, 10, 540, ("S", "M", "L")),
    "bags": (("Canvas tote", "Leather satchel", "Weekender", "Belt bag"), 29, 159, 5, 365, ("one size",)),
    "scarves": (("Wool scarf", "Silk scarf", "Snood"), 15, 59, 3, 300, ("one size",)),
    "kitchen": (("Stoneware bowl", "Carafe", "Bread board", "Apron", "Tea towels"), 12, 69, 5, 200, ("one size",)),
    "bedding": (("Duvet cover", "Linen sheet", "Wool blanket", "Pillow"), 29, 139, 21, 365, ("135x200", "200x200")),
    "candles": (("Beeswax candle", "Scented candle", "Tea lights"), 8, 34, 2, 60, ("one size",)),
    "soap": (("Olive soap", "Hand balm", "Shampoo bar", "Bath salt"), 6, 24, 3, 45, ("one size",)),
}  # fmt: skip
COLORS = ("sand", "ink", "moss", "brick", "snow", "plum")
REVIEWS: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    5: {
        "de": (
            "Passt perfekt, sehr schöne Qualität.",
            "Schnelle Lieferung, gerne wieder!",
            'Genau wie auf dem Bild, "wie gemalt".',
        ),
        "en": (
            "Lovely quality, fits perfectly.",
            "Fast delivery, friendly service.",
            "Exactly as shown.\nWould buy again.",
        ),
    },
    4: {
        "de": ("Gut, fällt etwas groß aus.", "Schön, aber der Preis ist stolz."),
        "en": ("Nice, runs a little large.", "Good, though the price is steep."),
    },
    3: {
        "de": ("In Ordnung; Farbe dunkler als gedacht.", "Geht so."),
        "en": ("All right, the colour is darker than I thought.", "It will do."),
    },
    2: {
        "de": ("Viel zu klein, und die Naht löst sich.", "Lieferung kam zu spät."),
        "en": ("Far too small, the seam comes loose.", "Delivery was late, nobody told me."),
    },
    1: {
        "de": ("Kaputt angekommen, Service antwortet nicht.", "Wochenlang gewartet; sehr enttäuscht!"),
        "en": ("Arrived broken, service does not answer.", 'Waited for weeks, "express" they said.'),
    },
}
RETURN_REASONS = ("size", "quality", "changed mind", "damaged", "other color")
CASES = {
    "complaint": ("Damaged on arrival", "Parcel is late", "Wrong item", "Charged twice"),
    "inquiry": ("Which size fits?", "Is it back in stock soon?", "Delivery to another address", "Care of wool"),
}
SEARCHES = ("red shoes", "wool blanket", "gift", "linen", "rain", "soap refill", "boots 41", "candle")
COUPONS = (
    ("comeback-15", "COMEBACK", 200),
    ("apology-10", "SORRY", 6),
    ("birthday-10", "BIRTHDAY", 100),
    ("tier-gift-20", "WELCOME", 60),
)
"""Pool, how its codes begin, and how many there are."""
