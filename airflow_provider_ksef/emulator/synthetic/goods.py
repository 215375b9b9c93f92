"""What the invented companies sell, by trade."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.synthetic.writing import xml_text


@dataclass(frozen=True)
class Product:
    """
    One thing on an invoice line.

    :param xml: name and unit as the line writes them after ``P_7`` (an order's line: ``P_7Z``).
    :param low, high: unit price range in groszy.
    :param most: largest usual quantity.
    :param rate: a tax rate as ``P_12`` writes it.
    :param is_service: services and goods are taxed differently across the border.
    """

    xml: str
    order_xml: str
    low: int
    high: int
    most: int
    is_divisible: bool
    rate: str
    is_service: bool
    gtu: str


_Row = tuple[str, str, int, int, int]
_DIVISIBLE = {"kWh", "l", "kg", "t", "m3", "h", "km"}


def _product(row: _Row, rate: str, gtu: str, *, is_service: bool) -> Product:
    name, unit, low, high, most = row
    name, unit = xml_text(name), xml_text(unit)
    return Product(
        xml=f"<P_7>{name}</P_7><P_8A>{unit}</P_8A><P_8B>",
        order_xml=f"<P_7Z>{name}</P_7Z><P_8AZ>{unit}</P_8AZ><P_8BZ>",
        low=low,
        high=high,
        most=most,
        is_divisible=unit in _DIVISIBLE,
        rate=rate,
        is_service=is_service,
        gtu=f"<GTU>{gtu}</GTU>" if gtu else "",
    )


def _goods(rate: str, *rows: _Row, gtu: str = "") -> tuple[Product, ...]:
    return tuple(_product(row, rate, gtu, is_service=False) for row in rows)


def _services(rate: str, *rows: _Row, gtu: str = "") -> tuple[Product, ...]:
    return tuple(_product(row, rate, gtu, is_service=True) for row in rows)


TRADES: dict[str, tuple[Product, ...]] = {
    "energy": _goods(
        "23",
        ("Energia elektryczna czynna, strefa szczytowa", "kWh", 62, 118, 900_000),
        ("Energia elektryczna czynna, strefa pozaszczytowa", "kWh", 41, 80, 1_400_000),
        ("Gaz ziemny wysokometanowy E", "kWh", 18, 36, 2_000_000),
        gtu="GTU_02",
    )
    + _services(
        "23",
        ("Usługa dystrybucji – opłata sieciowa zmienna", "kWh", 12, 39, 900_000),
        ("Opłata mocowa i przejściowa", "mies.", 1_050, 245_000, 3),
    ),
    "fuel": _goods(
        "23",
        ("Olej napędowy ekodiesel", "l", 498, 652, 38_000),
        ("Benzyna bezołowiowa 95", "l", 489, 645, 12_000),
        ("Gaz płynny LPG", "l", 231, 322, 9_000),
        gtu="GTU_02",
    )
    + _goods("23", ("AdBlue® 1000 l <paletopojemnik>", "szt.", 145_000, 210_000, 6)),
    "food": _goods(
        "5",
        ("Masło ekstra 82% tł. 200 g", "szt.", 489, 799, 2_400),
        ("Chleb żytni razowy na zakwasie", "szt.", 420, 890, 600),
        ("Mąka pszenna typ 500, worek 25 kg", "worek", 4_150, 6_900, 120),
        ("Filet z łososia norweskiego, świeży", "kg", 4_990, 8_950, 350),
        ("Jabłka „Szampion” kl. I", "kg", 189, 420, 5_000),
    )
    + _goods(
        "23",
        ("Kawa ziarnista 100% Arabica 1 kg", "szt.", 5_490, 12_900, 180),
        ('Napój gazowany "Oranżada" 0,5 l', "zgrz.", 1_290, 2_450, 400),
    )
    + _goods("8", ("Przyprawa do grilla 1 kg", "szt.", 1_890, 3_600, 90)),
    "building": _goods(
        "23",
        ("Beton towarowy C25/30 W8", "m3", 31_500, 48_900, 450),
        ("Stal zbrojeniowa żebrowana Ø12 B500SP", "t", 268_000, 349_000, 85),
        ("Płyta g-k 12,5 mm 1200×2600", "szt.", 2_990, 4_650, 900),
    )
    + _services(
        "8",
        (
            "Roboty budowlane – budynek mieszkalny, etap zgodnie z protokołem",
            "kpl.",
            4_500_000,
            240_000_000,
            1,
        ),
        ("Montaż stolarki okiennej wraz z obróbką", "szt.", 45_000, 195_000, 60),
    )
    + _services("oo", ("Podwykonawstwo robót ziemnych", "kpl.", 850_000, 18_000_000, 1)),
    "transport": _services(
        "23",
        ("Transport krajowy naczepą chłodniczą", "km", 420, 890, 2_600),
        ("Postój ponad 2 h rozładunku", "h", 9_000, 18_000, 8),
    )
    + _services(
        "0 KR",
        ("Transport międzynarodowy Gdańsk – Rotterdam", "fracht", 380_000, 940_000, 4),
        ("Spedycja morska FCL 40' HC", "szt.", 690_000, 2_150_000, 3),
    ),
    "medicine": _goods(
        "8",
        ("Rękawice nitrylowe bezpudrowe M op. 100 szt.", "op.", 1_690, 3_450, 500),
        ("Paracetamol 500 mg 50 tabl.", "op.", 640, 1_290, 1_000),
        ("Stół zabiegowy z regulacją hydrauliczną", "szt.", 890_000, 4_800_000, 2),
        gtu="GTU_09",
    )
    + _services(
        "zw",
        ("Badania laboratoryjne – pakiet medycyny pracy", "os.", 8_900, 36_000, 140),
        ("Konsultacja lekarska (art. 43 ust. 1 pkt 18)", "wiz.", 15_000, 42_000, 30),
    ),
    "books": _goods(
        "5",
        ("Podręcznik akademicki „Rachunkowość od A do Ż”, wyd. VII", "egz.", 4_900, 14_900, 220),
        ("E-book: <XML> dla księgowych & księgowości", "szt.", 1_990, 6_990, 40),
    )
    + _services("zw", ("Szkolenie zawodowe z zakresu VAT", "os.", 49_000, 189_000, 25)),
    "software": _services(
        "23",
        ("Usługi programistyczne – sprint", "h", 14_500, 32_000, 640),
        ('Licencja roczna systemu ERP "Księga+" (użytkownik nazwany)', "szt.", 39_900, 249_900, 350),
        ("Utrzymanie infrastruktury w chmurze & monitoring 24/7", "mies.", 180_000, 9_500_000, 1),
        gtu="GTU_12",
    ),
    "telecom": _services(
        "23",
        ("Abonament telefonii komórkowej – 30 numerów", "mies.", 45_000, 128_000, 1),
        ("Łącze światłowodowe 1 Gb/s symetryczne", "mies.", 29_900, 149_900, 12),
        ("SMS A2P – pakiet", "szt.", 4, 9, 250_000),
    ),
    "office": _goods(
        "23",
        ("Papier ksero A4 80 g/m2, ryza", "ryza", 1_590, 2_990, 400),
        ("Toner do drukarki XR-2200 czarny", "szt.", 18_900, 64_900, 12),
        ("Krzesło obrotowe „Żubr” z podłokietnikami", "szt.", 34_900, 129_900, 40),
        ("Długopis żelowy 0,5 mm niebieski", "szt.", 119, 650, 500),
    )
    + _goods("5", ("Prasa specjalistyczna – prenumerata", "egz.", 1_500, 4_900, 24)),
    "farming": _goods(
        "8",
        ("Nawóz saletrzany 34% N big-bag 500 kg", "szt.", 76_000, 142_000, 120),
        ("Pasza pełnoporcjowa dla brojlerów", "t", 148_000, 236_000, 26),
        ("Nasiona kukurydzy FAO 240, jednostka siewna", "j.s.", 38_000, 69_000, 90),
    )
    + _goods("0 KR", ("Statek rybacki – części zamienne", "szt.", 12_000, 2_400_000, 6)),
}
