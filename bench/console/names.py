"""What made-up organizations are called: several scripts, a few words each, and a town.

The town stands for the copy: ``bench.console.company`` multiplies rows by replacing it, so that a
fragment of a name finds few among many, as it does in earnest.
"""

import random

TEMPLATE_TOWN = "Aarhus"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TOWNS = (
    TEMPLATE_TOWN,
    *_words(
        "Bergen Bologna Bristol Brno Cádiz Calgary Colombo Córdoba Cork Cusco Dakar Denver Dresden"
        " Dublin Durban Esbjerg Espoo Évora Faro Fukuoka Galway Gdańsk Genoa Ghent Girona Graz"
        " Haifa Hanoi Helsinki Hobart Ibadan Innsbruck Izmir Jaipur Kaunas Kobe Košice Kraków Lagos"
        " Lausanne Leeds Leipzig Leuven Lille Linz Lisbon Ljubljana Łódź Lund Lyon Malaga Malmö"
        " Manila Maribor Medellín Metz Mombasa Montevideo Nairobi Nantes Napier Novi-Sad Odense"
        " Osaka Oslo Ostrava Oulu Padua Palermo Parma Perth Plovdiv Porto Poznań Pune Quito Rennes"
        " Riga Rosario Rotterdam Salzburg Seville Sofia Split Stavanger Tampere Tartu Toledo Trieste"
        " Trondheim Turku Utrecht Valencia Varna Verona Vilnius Windhoek Wrocław Yerevan Zagreb"
        " Zaragoza"
    ),
)
_FIRST = _words(
    "Amber Anchor Arbor Aurora Basalt Beacon Birch Blue Bright Cedar Cinder Clover Cobalt Copper"
    " Coral Crest Delta Drift Echo Ember Fjord Flint Forge Gable Granite Harbor Hazel Heron Indigo"
    " Iron Ivory Juniper Kestrel Lantern Larch Linden Lunar Maple Meadow Nimbus North Oak Onyx"
    " Orchid Otter Pebble Pine Plum Prism Quartz Raven Reef Ridge River Rowan Saffron Sage Silver"
    " Slate Solar Sparrow Sterling Stone Summit Swift Tidal Timber Topaz Umber Velvet Violet Walnut"
    " Willow Winter Zephyr"
)
_SECOND = _words(
    "Analytics Apparel Audio Aviation Bakery Biotech Books Brewing Catering Ceramics Clinics Coffee"
    " Consulting Courier Dental Design Diagnostics Energy Engineering Events Farms Films Fisheries"
    " Fitness Foods Freight Furniture Games Gardens Glass Health Hotels Insurance Interiors"
    " Laboratories Learning Legal Logistics Marine Media Motors Museums Music Networks Optics"
    " Outfitters Paper Partners Pharma Photography Plastics Press Properties Publishing Robotics"
    " Schools Security Software Sports Studios Systems Textiles Toys Travel Ventures Works"
)
_FORMS = ("Ltd", "Inc", "GmbH", "B.V.", "S.A.", "AB", "LLC", "& Co", "Group", "")
_ELSEWHERE = (
    "株式会社{first}東京",
    "大阪{first}商店",
    "ООО «{first} Север»",
    "ТОВ Дніпро {first}",
    "Εταιρεία {first} Αθήνα",
    "شركة {first} القاهرة",
    "חברת {first} חיפה",
    "{first} इंडिया प्राइवेट",
    "Café Zoë & {first}",
    "Świętokrzyska {first}",
)


def town(copy: int) -> str:
    """The town of a copy; past a hundred they are numbered on."""
    turn, place = divmod(copy, len(_TOWNS))
    return f"{_TOWNS[place]} {turn + 1}" if turn else _TOWNS[place]


def organization_name(choose: random.Random) -> tuple[str, str]:
    """A name, and the same as a part of an e-mail address."""
    first, second = choose.choice(_FIRST), choose.choice(_SECOND)
    slug = f"{first}-{second}".lower()
    if choose.random() < 0.08:
        foreign = choose.choice(_ELSEWHERE).format(first=f"{first} {second}")
        return f"{foreign} {TEMPLATE_TOWN}", slug
    form = choose.choice(_FORMS)
    return " ".join(part for part in (first, second, form, TEMPLATE_TOWN) if part), slug
