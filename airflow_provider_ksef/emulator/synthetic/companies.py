"""The invented companies that sell, buy and stand beside; every NIP is made up, with a valid check digit."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.synthetic.dice import running_totals
from airflow_provider_ksef.emulator.synthetic.identifiers import bank_account, nip_from
from airflow_provider_ksef.emulator.synthetic.writing import xml_text


@dataclass(frozen=True)
class Company:
    """
    :param name: as people write it.
    :param xml_name: the same as an XML document writes it.
    :param trade: a key of :data:`goods.TRADES`.
    """

    nip: str
    name: str
    xml_name: str
    address: str
    account: str
    trade: str


@dataclass(frozen=True)
class Foreigner:
    """:param country: as FA(3) writes it: EL is Greece among VAT-UE numbers."""

    country: str
    number: str
    name: str
    xml_name: str
    currency: str


_SELLERS = """
energy|Energetyka Nadwiślańska S.A.|ul. Elektryczna 2|00-346 Warszawa
building|Przedsiębiorstwo Budowlane „Żuraw” Sp. z o.o. Sp. k.|ul. Betonowa 17|31-983 Kraków
fuel|Paliwa Bałtyk S.A.|ul. Naftowa 40|80-719 Gdańsk
food|Hurtownia Spożywcza "Smaczek" Nowak & Wspólnicy Sp. j.|ul. Chłodnicza 5|61-003 Poznań
software|Źródłosłów Software House Sp. z o.o.|ul. Świętego Mikołaja 8|50-125 Wrocław
energy|Gazownia Śląska Obrót S.A.|ul. Koksownicza 11|41-902 Bytom
transport|Trans-Łódź Logistyka & Spedycja S.A.|ul. Kurczaki 136|93-331 Łódź
medicine|Medyk-Świat Dystrybucja Farmaceutyczna Sp. z o.o.|ul. Apteczna 3|20-400 Lublin
building|Cementownia Świętokrzyska S.A.|ul. Wapienna 1|25-668 Kielce
telecom|Telekomunikacja Mazurska Sp. z o.o.|ul. Jeziorna 22|10-900 Olsztyn
office|Biuro & Papier – Anna Wiśniewska|ul. Drukarska 9 lok. 4|15-102 Białystok
farming|Agro-Żuławy Spółdzielnia Producentów Rolnych|Nowy Staw 77|82-230 Nowy Staw
food|Mleczarnia „Łąka” Spółdzielnia Mleczarska|ul. Mleczna 1|18-200 Wysokie Mazowieckie
software|Chmura Łączności S.A.|al. Jerozolimskie 200|02-486 Warszawa
fuel|Stacje Paliw Kądziołka Sp. j.|ul. Rafineryjna 6|09-411 Płock
books|Wydawnictwo Naukowe „Ćma” Sp. z o.o.|ul. Księgarska 12|31-002 Kraków
transport|Kolejowe Przewozy Towarowe Południe S.A.|ul. Dworcowa 1|40-012 Katowice
building|F.U.H. DACH-POL Józef Źrebiec|ul. Krokwiowa 14|33-100 Tarnów
office|Meble Biurowe „Żubr” Sp. z o.o.|ul. Leśna 3|17-230 Białowieża
medicine|Laboratoria Diagnostyczne Wisła Sp. z o.o.|ul. Szpitalna 40|43-460 Wisła
energy|Ciepłownia Miejska w Dąbrowie Sp. z o.o.|ul. Kotłowa 7|41-300 Dąbrowa Górnicza
food|Piekarnia Pod Kłosem – Grażyna i Jacek Dębscy s.c.|Rynek 14|37-700 Przemyśl
telecom|Światłowody Pomorza Sp. z o.o.|ul. Kablowa 31|76-200 Słupsk
software|Nowak, Kowalczyk & Partnerzy – Doradztwo IT Sp. p.|ul. Prosta 51|00-838 Warszawa
farming|Nasiona Kujaw Sp. z o.o.|ul. Zbożowa 18|88-100 Inowrocław
transport|Usługi Transportowe Stanisław Gąsior|Zagórze 112|05-462 Wiązowna
books|Ośrodek Szkolenia „Paragraf” Sp. z o.o.|ul. Akademicka 5|44-100 Gliwice
office|Serwis Drukarek <TONER> Sp. z o.o.|ul. Laserowa 2|35-105 Rzeszów
food|Rybołówstwo & Przetwórstwo „Śledź” Sp. z o.o.|ul. Portowa 8|72-600 Świnoujście
building|Okna-Drzwi „U Zdzisia” Zdzisław Pączek|ul. Szklana 19|97-300 Piotrków Trybunalski
medicine|Apteka „Pod Żółwiem” mgr farm. Elżbieta Łęcka|pl. Wolności 4|62-800 Kalisz
fuel|Auto-Gaz Jędrzejów Sp. z o.o.|ul. Przemysłowa 21|28-300 Jędrzejów
software|Grafika i WWW – Łukasz Ćwikła|ul. Długa 15/3|85-034 Bydgoszcz
energy|Fotowoltaika Słoneczko Sp. z o.o.|ul. Słoneczna 100|66-400 Gorzów Wielkopolski
farming|Gospodarstwo Szkółkarskie „Świerk”|Leśniówka 6|21-040 Świdnik
telecom|Internet dla Gmin Sp. z o.o.|ul. Radiowa 9|07-410 Ostrołęka
office|Poligrafia „Żółty Tusz” S.A.|ul. Offsetowa 33|60-104 Poznań
transport|Kurier O'Neill & Syn Sp. z o.o.|ul. Lotnicza 12|54-155 Wrocław
food|Palarnia Kawy „Ziarenko” Sp. z o.o.|ul. Portugalska 3|81-332 Gdynia
books|Tłumaczenia Przysięgłe „Język & Słowo” Hanna Żak|ul. Lipowa 7|90-743 Łódź
building|Instalacje Sanitarne Hydro-Świat Sp. z o.o. w restrukturyzacji|ul. Rurowa 8|70-813 Szczecin
medicine|Gabinety Lekarskie Św. Łukasza Sp. z o.o.|ul. Zdrowa 2|38-400 Krosno
software|Studio Gier „Wąż i Gęś” Sp. z o.o.|ul. Pikselowa 64|40-265 Katowice
office|Kwiaciarnia Różana Aleja – Małgorzata Jaźwińska|al. Róż 10|31-948 Kraków
fuel|Skład Opału „Węgielek” Bożena Ślązak|ul. Torowa 5|42-600 Tarnowskie Góry
farming|Pasieka „Pszczółka” Władysław Żądło|Miodowo 3|12-200 Pisz
telecom|Radiokomunikacja Górska Sp. z o.o.|ul. Szczytowa 1|34-500 Zakopane
transport|Taxi-Bagaż Rzeszów Sp. z o.o.|ul. Krakowska 20|35-111 Rzeszów
"""

_BUYERS = """
Gmina Miejska Ząbki
Spółdzielnia Mieszkaniowa „Jedność”
Zakłady Metalowe „Śruba & Nakrętka” S.A.
Jan Kowalski – Usługi Ogólnobudowlane
Hotel "Pod Różą" Sp. z o.o.
Szkoła Podstawowa nr 7 im. Marii Skłodowskiej-Curie w Łomży
Restauracja U Gąski s.c. M. Wójcik, T. Źródło
Wspólnota Mieszkaniowa ul. Kościuszki 12
Fabryka Mebli Żłobek Sp. z o.o. Sp. k.
Szpital Powiatowy w Świebodzinie Samodzielny Publiczny Zakład Opieki Zdrowotnej z siedzibą w Świebodzinie, \
oddział rehabilitacji dziennej, poradnia chirurgii urazowo-ortopedycznej oraz zakład diagnostyki obrazowej
"Ł&Ś" Kancelaria Radców Prawnych sp. p.
Sieć Sklepów „Żabi Skok” Sp. z o.o.
Politechnika Nadnotecka, Wydział Mechaniczno-Energetyczny
Ochotnicza Straż Pożarna w Dziećmorowicach
Przedsiębiorstwo Produkcyjno-Handlowo-Usługowe „ĄĆĘŁŃÓŚŹŻ” Import-Export Spółka z ograniczoną \
odpowiedzialnością w likwidacji
Agencja Reklamowa <kreska/> Sp. z o.o.
"""

_FOREIGNERS = """
DE|100000017|Müller & Söhne Großhandel GmbH|EUR
DE|100000025|Kälte-Klima Brandenburg AG|EUR
CZ|10000017|Žďárské strojírny s.r.o.|CZK
SK|1000000017|Tatranská drevovýroba, a.s.|EUR
FR|00100000017|L'Atelier d'Été S.A.R.L.|EUR
NL|100000017B01|Van der Berg Logistics B.V.|EUR
EL|100000017|Ελληνική Ναυτιλία Α.Ε.|EUR
SE|100000017001|Ängby Industri AB|SEK
DK|10000017|Ærø Vind A/S|DKK
HU|10000017|Őrségi Gyümölcs Kft.|HUF
RO|10000017|Țara Bârsei S.R.L.|RON
LT|100000017|Žemaitijos pienas UAB|EUR
"""

_OVERSEAS = """
US|EIN 12-3456789|Acme "Overseas" Trading, Inc.|USD
GB|GB100000017|Smith, Jones & Co. Ltd|GBP
CH|CHE-123.456.788 MWST|Zürcher Präzision AG|CHF
NO|NO 100 000 017 MVA|Bjørn Fiskeri AS|NOK
UA|3456789012|ТОВ «Київська Логістика»|USD
JP|T1234567890123|株式会社 桜|JPY
TR|1234567890|İğdır Tekstil A.Ş.|USD
"""


def _sellers() -> tuple[Company, ...]:
    companies = []
    for place, row in enumerate(_SELLERS.strip().splitlines()):
        trade, name, street, town = row.split("|")
        address = f"<AdresL1>{xml_text(street)}</AdresL1><AdresL2>{xml_text(town)}</AdresL2>"
        account = bank_account(10_200_000 + 977 * place, 9_700_000_000 + 31_337 * place)
        nip = nip_from(511_020_304 + 7_919_113 * place)
        companies.append(Company(nip, name, xml_text(name), address, account, trade))
    return tuple(companies)


def _buyers() -> tuple[Company, ...]:
    companies = []
    for place, name in enumerate(_BUYERS.strip().splitlines()):
        address = (
            f"<AdresL1>ul. Nabywców {place + 1}</AdresL1><AdresL2>00-{place + 100:03d} Warszawa</AdresL2>"
        )
        nip = nip_from(113_040_506 + 6_700_417 * place)
        companies.append(Company(nip, name, xml_text(name), address, "", ""))
    return tuple(companies)


def _foreigners(table: str) -> tuple[Foreigner, ...]:
    rows = (row.split("|") for row in table.strip().splitlines())
    return tuple(
        Foreigner(country, number, name, xml_text(name), currency) for country, number, name, currency in rows
    )


SELLERS = _sellers()
SELLER_WEIGHTS = running_totals([100_000 // (place + 2) for place in range(len(SELLERS))])
BUYERS = _buyers()
EU_BUYERS = _foreigners(_FOREIGNERS)
OVERSEAS_BUYERS = _foreigners(_OVERSEAS)
