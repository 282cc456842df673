"""Makes access.log and shop.db in this folder; the same bytes of log and the same rows each time."""

import math
import random
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).parent
DAY = datetime(2026, 3, 9, tzinfo=timezone.utc)
PATHS = [
    ("/", 20, 14_200, 0.03),
    ("/products", 14, 22_800, 0.08),
    ("/products/teapot-{n}", 22, 9_400, 0.06),
    ("/search?q=tea+{n}&page=1", 9, 18_100, 0.24),
    ("/cart", 6, 4_100, 0.05),
    ("/checkout", 3, 5_600, 0.41),
    ("/static/app-3f9ac1.js", 12, 188_000, 0.004),
    ("/static/site.css", 10, 41_000, 0.003),
    ("/api/stock/{n}", 9, 320, 0.02),
    ("/favicon.ico", 3, 1_150, 0.001),
    ("/wp-login.php", 2, 548, 0.002),
]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.14.1",
    r"Evil \"quoted\" agent\x22",
    "-",
]
ODD_LINES = [
    r'203.0.113.77 - - [09/Mar/2026:{t} +0000] "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" 400 157 "-" "-" 0.000',
    '198.51.100.9 - - [09/Mar/2026:{t} +0000] "" 408 0 "-" "-" 20.001',
    '2001:db8:7::beef - jane doe [09/Mar/2026:{t} +0000] "GET /admin HTTP/1.1" 401 188 "-" "curl/8.14.1" 0.004',
    '192.0.2.44 - - [09/Mar/2026:{t} +0000] "OPTIONS * HTTP/1.0" 200 - "-" "-" 0.001',
    "2026/03/09 {t} [error] 812#812: *4411 upstream timed out (110: Connection timed out)",
    '192.0.2.61 - - [09/Mar/2026:{t} +0000] "GET /produ',
    "",
]


def pick(chance, weighted):
    point = chance.random() * sum(weight for _, weight in weighted)
    for item, weight in weighted:
        point -= weight
        if point < 0:
            return item
    return weighted[-1][0]


def client(chance):
    # Few clients ask often: the square draws low numbers more.
    number = int(chance.random() ** 2 * 240)
    return (
        f"2001:db8:{number:x}::{number % 7 + 1:x}"
        if number % 5 == 0
        else f"198.51.100.{number % 200 + 10}"
    )


def access_log():
    chance = random.Random(20260309)
    moments = []
    for hour in range(24):
        requests = 40 + int(260 * math.exp(-(((hour - 15) / 5) ** 2)))
        moments += [
            DAY + timedelta(hours=hour, seconds=chance.random() * 3600) for _ in range(requests)
        ]
    lines = []
    for number, moment in enumerate(sorted(moments)):
        path, _, size, seconds = pick(chance, [(entry, entry[1]) for entry in PATHS])
        slow_hour = moment.hour == 19
        if path == "/wp-login.php":
            status = 404
        elif (
            slow_hour
            and path in ("/checkout", "/search?q=tea+{n}&page=1")
            and chance.random() < 0.35
        ):
            status = pick(chance, [(502, 2), (504, 1)])
        else:
            status = pick(chance, [(200, 90), (304, 5), (301, 2), (404, 2), (500, 1)])
        method = "POST" if path in ("/cart", "/checkout") and status == 200 else "GET"
        body = (
            0
            if status == 304
            else 166
            if status >= 300
            else int(size * (0.7 + 0.6 * chance.random()))
        )
        taken = seconds * (0.5 + chance.random()) * (9 if slow_hour and seconds > 0.01 else 1)
        lines.append(
            f"{client(chance)} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "
            f'"{method} {path.format(n=int(chance.random() * 40) + 1)} HTTP/1.1" {status} {body} '
            f'"{pick(chance, [("-", 3), ("https://shop.example/", 2)])}" '
            f'"{pick(chance, [(agent, 60 // (index + 1)) for index, agent in enumerate(AGENTS)])}" {taken:.3f}'
        )
        if number % 90 == 45:
            lines.append(ODD_LINES[(number // 90) % len(ODD_LINES)].format(t=f"{moment:%H:%M:%S}"))
    (HERE / "access.log").write_text("\n".join(lines) + "\n", encoding="ascii")


def shop_database():
    chance = random.Random(7)
    path = HERE / "shop.db"
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.executescript(
        """
        PRAGMA foreign_keys = ON;
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
        CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL);
        CREATE TABLE orders (
          id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), ordered_at TEXT NOT NULL
        );
        CREATE TABLE order_lines (
          order_id INTEGER NOT NULL REFERENCES orders (id), product_id INTEGER NOT NULL REFERENCES products (id),
          quantity INTEGER NOT NULL, PRIMARY KEY (order_id, product_id)
        ) WITHOUT ROWID;
        CREATE INDEX orders_by_customer ON orders (customer_id, ordered_at);
        """
    )
    names = [
        "Ada Lovelace",
        "Zoë O'Neill",
        "Łukasz Nowak",
        "山田 花子",
        "Robert'); DROP TABLE orders;--",
    ]
    for number in range(1, 181):
        name = names[number % len(names)]
        database.execute(
            "INSERT INTO customers VALUES (?, ?, ?)", (number, name, f"c{number}@shop.example")
        )
    for number in range(1, 41):
        database.execute(
            "INSERT INTO products VALUES (?, ?, ?)", (number, f"Teapot {number}", 900 + 35 * number)
        )
    for number in range(1, 901):
        moment = DAY - timedelta(hours=number * 3)
        customer = int(chance.random() * 180) + 1
        database.execute(
            "INSERT INTO orders VALUES (?, ?, ?)", (number, customer, moment.isoformat())
        )
        for product in {int(chance.random() * 40) + 1 for _ in range(int(chance.random() * 3) + 1)}:
            quantity = int(chance.random() * 4) + 1
            database.execute(
                "INSERT INTO order_lines VALUES (?, ?, ?)", (number, product, quantity)
            )
    database.commit()
    database.execute("VACUUM")
    database.close()


access_log()
shop_database()
