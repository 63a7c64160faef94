"""Names and words of the sample company's customers: many scripts, some of them hostile."""

from __future__ import annotations

import random
import re

ACME = "Acme Robotics"
BLUE_HARBOR = "Blue Harbor"

HOSTILE = [
    "**bold** <script>alert(1)</script> [x](javascript:alert(1))",
    "Robert'); DROP TABLE organizations;-- & Sons",
    '=HYPERLINK("http://evil.example","Click")',
    "$\\LaTeX$ :red[danger] `code` <img src=x onerror=alert(2)>",
    "Very " + "long " * 24 + "name GmbH & Co. KG",
    "\u202egnirts desrever\u202c Ltd",
]

SCRIPTS = [
    "Ålesund Fiskeri",
    "Łódź Logistyka",
    "Crème Brûlée Cie",
    "Čokoláda Šťastná",
    "Straßenbäckerei Müller",
    "Señorita Ñandú",
    "İstanbul Çiçekçilik",
    "Đà Nẵng Thủy Sản",
    "Кофейня «Снег»",
    "Українська пекарня",
    "Софийски мебели",
    "Αθηναϊκά Βιβλία",
    "Ελαιόλαδο Κρήτης",
    "شركة النخيل للتجارة",
    "مكتبة بيروت",
    "מאפיית ירושלים",
    "חברת הים התיכון",
    "株式会社さくら工房",
    "東京電子部品",
    "ラーメン横丁",
    "北京云图科技",
    "台北茶業",
    "한빛 소프트웨어",
    "부산 조선소",
    "दिल्ली मसाला भंडार",
    "मुंबई वस्त्र",
    "ร้านกาแฟเชียงใหม่",
    "🌮 Taco Town 🌮",
    "👩‍🚀 Orbit & Co",
    "Nuñez 🇵🇹 Cafés",
]

_FIRST = [
    "Amber",
    "Bright",
    "Cedar",
    "Copper",
    "Delta",
    "Ember",
    "Falcon",
    "Granite",
    "Harvest",
    "Indigo",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Maple",
    "Northern",
    "Opal",
    "Pioneer",
    "Quartz",
    "River",
    "Silver",
    "Timber",
    "Umber",
    "Vantage",
    "Willow",
    "Zephyr",
]
_SECOND = [
    "Analytics",
    "Bakery",
    "Builders",
    "Clinic",
    "Dynamics",
    "Energy",
    "Foods",
    "Freight",
    "Gardens",
    "Health",
    "Instruments",
    "Journal",
    "Kitchens",
    "Labs",
    "Media",
    "Networks",
    "Optics",
    "Partners",
    "Robotics",
    "Studios",
    "Systems",
    "Textiles",
    "Travel",
    "Ventures",
    "Works",
]

COMMENTS = [
    "We are moving everything to another tool at the end of the quarter.",
    "Too expensive for a team of three.",
    "Missing SAML; we asked twice.",
    "Projekt ist beendet. Danke für alles!",
    "予算の都合で解約します。",
    "<b>Great</b> product, but [see why](javascript:alert(1)) | we | left |",
    "Nous reviendrons peut-être l'année prochaine.",
    "=1+1",
    "Client closed the project 😢",
]


class People:
    """Names and org ids, each given out once, in an order that `dice` decides."""

    def __init__(self, dice: random.Random) -> None:
        plain = [f"{first} {second}" for first in _FIRST for second in _SECOND]
        dice.shuffle(plain)
        special = [*SCRIPTS, *HOSTILE]
        # Spread the special names among the plain ones, so that every kind of life has some.
        self._names = []
        while plain:
            self._names.extend(plain[:4])
            del plain[:4]
            if special:
                self._names.append(special.pop(0))
        self._given = 0

    def next_name(self) -> str:
        """A name that nobody has yet."""
        name = self._names[self._given]
        self._given += 1
        return name

    @property
    def given(self) -> int:
        """How many names were given out."""
        return self._given


def slug(name: str, number: int) -> str:
    """A name as it could be in an address, or the number where nothing is left of it."""
    plain = re.sub(r"[^a-z0-9]+", "", name.lower())[:24]
    return plain or f"customer{number}"
