# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jobs a selection means, against a plain filter over what is known of each job since it was drawn.

The members are written as JSON allows it: with spaces, with escapes anywhere, with bytes that are no UTF-8, with classes
and jids of other jobs inside their arguments. The bytes by which most members are ruled out unread must not change anything.
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.selector import criteria_from_options
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.selector import Selector
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.location import Place
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.prefilter import Needles
from ansible_collections.fediverse.mastodon.tests.redis.intents import module_options

NOW = 1795331200.0
MEMBERS = 150
ROUNDS = 15
SPANS = {"90s": 90.0, "15m": 900.0, "2h": 7200.0, "1d": 86400.0, "3d": 259200.0}
SETS = ("queues", "retry", "scheduled", "dead")
HOSTS = ("gone.example", "a.gone.example", "b.a.gone.example", "notgone.example", "xn--mnchen-3ya.example", "example")
QUEUES = ("push", "pull", "default", "größer")
ERRORS = ("HTTP::TimeoutError", "HTTP::ConnectionError", "Errno::ENOSPC", "Mastodon::UnexpectedResponseError")
MESSAGES = (
    "https://gone.example/inbox returned code 503",
    "connect timeout",
    "Grüße\nzweite Zeile",
    'a "quoted" word',
    "",
)
TAGS = ("bulk", "über", "a b")
MAILER = "ActionMailer::MailDeliveryJob"
WRAPPERS = ("ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper", "Sidekiq::ActiveJob::Wrapper")


NO_UTF8 = "a\udcffb"  # the byte FF, which is shown as what stands here


@dataclass
class Known:
    """A member, and the truth about it."""

    raw: bytes
    place: Place
    score: float | None
    position: int
    klass: str | None = None
    jid: str | None = None
    queue: str | None = None
    args: list[Any] = field(default_factory=list)
    domain: str | None = None
    error: str | None = None
    message: str | None = None
    since: float | None = None
    attempts: int = 0
    tags: list[str] = field(default_factory=list)
    malformed: bool = False


# --- the selection ------------------------------------------------------------------------------------------------------------

WHERES: dict[str, Callable[[Known], bool]] = {
    "attempts > `3`": lambda known: known.attempts > 3,
    "queue == 'push' && domain != null": lambda known: known.queue == "push" and known.domain is not None,
    "contains(tags, 'bulk')": lambda known: "bulk" in known.tags,
    "starts_with(class, 'ActivityPub::')": lambda known: (known.klass or "").startswith("ActivityPub::"),
    "error_class == 'Errno::ENOSPC' || set == 'dead'": lambda known: (
        known.error == "Errno::ENOSPC" or known.place.set == "dead"
    ),
    "position < `30`": lambda known: known.position < 30,
    "length(args) == `2`": lambda known: not known.malformed and len(known.args) == 2,
    "args[0] == `3`": lambda known: known.args[:1] == [3],
    "malformed": lambda known: known.malformed,
    "!malformed": lambda known: not known.malformed,
    "tags": lambda known: bool(known.tags),
    "error_message": lambda known: bool(known.message),
    "[class, jid] | [?@ == 'BackupWorker'] | [0]": lambda known: "BackupWorker" in (known.klass, known.jid),
    "@.attempts > `3`": lambda known: known.attempts > 3,
    "{a: attempts, q: queue}.a > `3`": lambda known: known.attempts > 3,
    "max_by([@], &attempts).attempts > `3`": lambda known: known.attempts > 3,
    "not_null(error_class, class) == 'BackupWorker'": lambda known: (
        known.error is None and known.klass == "BackupWorker"
    ),
    "sort(tags)[0] == 'a b'": lambda known: "a b" in known.tags,
    "tags[1:]": lambda known: len(known.tags) > 1,
    "tags[?@ == 'bulk']": lambda known: "bulk" in known.tags,
    "args[?@ == `3`] && attempts": lambda known: 3 in known.args,
    "enqueued_at > `5`": lambda known: False,  # a text is not greater than a number, and no error either
}


def is_integer(value: object) -> bool:
    """Whether a value is a number of JSON without a point, and not true or false."""
    return isinstance(value, int) and not isinstance(value, bool)


def meant(known: Known, options: dict[str, Any]) -> bool:
    """The plain filter, as the documentation of the options reads."""

    def like(name: str | None, patterns: list[str]) -> bool:
        return name is not None and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    def named(domain: str | None) -> bool:
        return any(
            domain is not None and (domain == wanted or (wanted[:2] == "*." and domain.endswith(wanted[1:])))
            for wanted in map(str.lower, options["domains"])
        )

    def leading() -> bool:
        wanted = options["args"]
        if len(known.args) < len(wanted):
            return False
        return all(
            want is None
            or want == have
            and isinstance(want, bool) == isinstance(have, bool)
            or is_integer(have)
            and want == str(have)
            for want, have in zip(wanted, known.args)
        )

    age = None if known.since is None else NOW - known.since
    conditions: dict[str, Callable[[], bool]] = {
        "sets": lambda: known.place.set in options["sets"],
        "queues": lambda: (known.place.label if known.place.is_queue else known.queue) in options["queues"],
        "classes": lambda: like(known.klass, options["classes"]),
        "jids": lambda: known.jid in options["jids"],
        "args": lambda: bool(options["args"]) and leading(),
        "domains": lambda: named(known.domain),
        "errors": lambda: like(known.error, options["errors"]),
        "error_message": lambda: (
            known.message is not None and re.search(options["error_message"], known.message) is not None
        ),
        "older_than": lambda: age is not None and age > SPANS[options["older_than"]],
        "newer_than": lambda: age is not None and age < SPANS[options["newer_than"]],
        "min_attempts": lambda: known.attempts >= options["min_attempts"],
        "tags": lambda: any(tag in options["tags"] for tag in known.tags),
        "malformed": lambda: known.malformed == options["malformed"],
        "where": lambda: WHERES[options["where"]](known),
        "all": lambda: True,
    }
    return all(conditions[name]() for name in options)


OPTIONS = tuple(name for name in sidekiq_job.INFO_OPTIONS if name not in ("limit", "sort", "show_args"))


def draw_option(chance: random.Random, name: str, members: list[Known]) -> Any:
    """A value of an option, mostly one that some members fulfil."""
    one = chance.choice([known for known in members if known.klass and known.jid])
    klass, jid = str(one.klass), str(one.jid)
    if name in ("sets", "queues", "domains", "errors", "tags"):
        pool = {
            "sets": SETS,
            "queues": (*QUEUES, "nowhere"),
            "domains": (*HOSTS, "*.gone.example", "*.example", "GONE.example", "*.nowhere"),
            "errors": (*ERRORS, "HTTP::*", "*Error", "Errno::ENO????", "Http::*"),
            "tags": (*TAGS, "none"),
        }[name]
        return chance.sample(pool, chance.randint(1, 3))
    if name == "classes":
        patterns = [klass, klass[:-3] + "*", "*" + klass[2:], "?" + klass[1:], "*::*", "Wor*", klass + "x", "*Worker"]
        patterns += ["BackupWorker", "UserMailer#*", "*#welcome", "*"]
        return chance.sample(patterns, chance.randint(1, 3))
    if name == "jids":
        return [jid, *chance.sample(["f" * 24, jid[:-1], str(members[0].jid)], chance.randint(0, 3))]
    if name == "args":
        args = one.args[: chance.randint(1, 3)] or [3]
        args = [chance.choice((value, value, None)) for value in args]
        return [str(value) if is_integer(value) and chance.random() < 0.4 else value for value in args]
    return {
        "error_message": lambda: chance.choice((r"code 5\d\d$", "^connect", "Zeile", '"', "(?i)TIMEOUT", "^$", "x{9}")),
        "older_than": lambda: chance.choice(list(SPANS)),
        "newer_than": lambda: chance.choice(list(SPANS)),
        "min_attempts": lambda: chance.randint(1, 9),
        "malformed": lambda: True,
        "where": lambda: chance.choice(list(WHERES)),
        "all": lambda: True,
    }[name]()


def select(options: dict[str, Any], members: list[Known], unread: bool = True) -> list[int]:
    """The numbers of those that are meant; `unread`: with what rules out members by their bytes."""
    selector = Selector(criteria_from_options(module_options(sidekiq_job.INFO_OPTIONS, options)), NOW)
    selector.places(NoRedis(), Keys(""))
    return [
        number
        for number, known in enumerate(members)
        if (selector.needles.possible(known.raw) or not unread)
        and selector.match(known.raw, known.place, known.score, known.position) is not None
        and in_places(options, known.place)
    ]


def in_places(options: dict[str, Any], place: Place) -> bool:
    """Where the caller looks, as Selector.places says it."""
    if place.set not in options.get("sets", SETS):
        return False
    return not place.is_queue or place.label in options.get("queues", [place.label])


def check(options: dict[str, Any], members: list[Known]) -> int:
    expected = [number for number, known in enumerate(members) if meant(known, options)]
    assert select(options, members) == expected, options
    assert select(options, members, unread=False) == expected, options
    return len(expected)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_alone(name: str) -> None:
    found = 0
    for number in range(ROUNDS):
        chance = random.Random(f"{name} {number}")
        members = draw_members(chance)
        found += check({name: draw_option(chance, name, members)}, members)
    assert found > 0


LISTS = tuple(name for name, option in sidekiq_job.INFO_OPTIONS.items() if option["type"] == "list")


@pytest.mark.parametrize("more", [{}, {"all": True}, {"malformed": False}, {"sets": ["queues", "retry"]}], ids=str)
@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_means_no_job(name, more):
    members = draw_members(random.Random(name))
    assert check({**more, name: []}, members) == 0


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_edits_and_restores_nothing(name, scratch_redis, tmp_path):
    scratch_redis.sadd("queues", "push")
    scratch_redis.lpush("queue:push", '{"class":"A","args":[]}')
    scratch_redis.zadd("retry", {'{"class":"A","args":[],"queue":"push"}': 1})
    options = {"state": "absent", "archive_dir": str(tmp_path)}

    def edit(**more: Any) -> dict[str, Any]:
        edited = module_options(sidekiq_job.JOB_OPTIONS, {**options, **more})
        return sidekiq_job.edit_jobs(Session(scratch_redis, Keys(""), edited, False, "test"))

    for more in ({}, {"all": True}):
        done = edit(**{name: []}, **more)
        assert (done["matched"], done["changed"], done["archive"]) == (0, False, None)
        found = module_options(sidekiq_job.INFO_OPTIONS, {name: [], **more})
        assert sidekiq_job.job_info(Session(scratch_redis, Keys(""), found, False, "test"))["total"] == 0
    archive = edit(all=True)["archive"]
    for more in ({}, {"all": True}):
        restored = module_options(sidekiq_job.ARCHIVE_OPTIONS, {"path": archive, name: [], **more})
        assert sidekiq_job.restore(Session(scratch_redis, Keys(""), restored, False, "test"))["restored"] == 0


@pytest.mark.parametrize("expression", WHERES)
def test_every_expression(expression: str) -> None:
    found = sum(check({"where": expression}, draw_members(random.Random(number), 100)) for number in range(3))
    assert (found > 0) == (expression != "enqueued_at > `5`")


@pytest.mark.parametrize("number", range(60))
def test_options_together(number: int) -> None:
    chance = random.Random(number)
    members = draw_members(chance)
    for _time in range(3):
        names = chance.sample([name for name in OPTIONS if name != "all"], chance.randint(2, 4))
        more: dict[str, Any] = chance.choice(({}, {}, {"malformed": False}, {"min_attempts": 0}, {"all": True}))
        check({name: draw_option(chance, name, members) for name in names} | more, members)


@pytest.mark.parametrize("number", range(3))
def test_the_same_in_redis_with_and_without_what_redis_itself_rules_out(number, scratch_redis, monkeypatch):
    chance = random.Random(number)
    members = draw_members(chance, 2500, [Place("queues", b"pull")]) + draw_members(chance, 200, [Place("retry")])
    pipe = scratch_redis.pipeline()
    pipe.sadd("queues", "pull")
    for known in members:
        pipe.lpush("queue:pull", known.raw) if known.place.is_queue else pipe.zadd("retry", {known.raw: known.score})
    pipe.execute()
    for name in ("classes", "jids", "errors", "domains"):
        options = {name: draw_option(chance, name, members)}
        expected = sum(meant(known, options) for known in members)
        assert info(scratch_redis, **options)["total"] == expected
        with monkeypatch.context() as patch:
            patch.setattr(
                Selector, "needles", property(lambda self: Needles(), lambda self, value: None), raising=False
            )
            assert info(scratch_redis, **options)["total"] == expected


def info(client: Any, **options: Any) -> dict[str, Any]:
    given = module_options(sidekiq_job.INFO_OPTIONS, options)
    return sidekiq_job.job_info(Session(client, Keys(""), given, False, "test"))


# --- names of articles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("ExportWorker", ["BackupWorker"]),
        ("ArchiveWorker", ["BackupWorker"]),
        ("AccountMigrationWorker", ["ActivityPub::MoveDistributionWorker", "MoveWorker"]),
    ],
)
def test_classes_of_articles_mean_the_real_ones_with_a_warning(name, real, scratch_redis):
    for klass in ("BackupWorker", "MoveWorker", "ActivityPub::MoveDistributionWorker", "DistributionWorker"):
        scratch_redis.lpush("queue:pull", pack({"class": klass, "args": [1], "jid": klass, "queue": "pull"}))
    scratch_redis.sadd("queues", "pull")
    result = info(scratch_redis, classes=[name])
    assert sorted(result["by_class"]) == real
    [warning] = result["warnings"]
    assert name in warning and all(klass in warning for klass in real)


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("export", {"pull": 1}),
        ("exports", {"pull": 1}),
        ("backup", {"pull": 1}),
        ("federation", {"ingress": 1, "pull": 1, "push": 1}),
        ("sidekiq_federation", {"ingress": 1, "pull": 1, "push": 1}),
    ],
)
def test_queues_of_articles_mean_the_real_ones_with_a_warning(name, real, scratch_redis):
    for queue in ("push", "pull", "ingress", "default"):
        scratch_redis.lpush(f"queue:{queue}", pack({"class": "A", "args": [], "jid": queue, "queue": queue}))
        scratch_redis.sadd("queues", queue)
    result = info(scratch_redis, queues=[name])
    assert result["by_queue"] == real
    [warning] = result["warnings"]
    assert name in warning and all(queue in warning for queue in real)


def test_a_queue_that_is_really_there_is_meant_itself(scratch_redis):
    scratch_redis.lpush("queue:export", pack({"class": "A", "args": [], "jid": "1", "queue": "export"}))
    scratch_redis.sadd("queues", "export")
    result = info(scratch_redis, queues=["export"])
    assert (result["by_queue"], result["warnings"]) == ({"export": 1}, [])


def test_real_names_give_no_warning(scratch_redis):
    assert info(scratch_redis, classes=["BackupWorker", "Export*"], queues=["pull"])["warnings"] == []


# --- what cannot be read ------------------------------------------------------------------------------------------------------


def test_nothing_given_is_an_error_that_says_what_to_give(scratch_redis):
    """Nor is that a condition which every job fulfils."""
    nothing: tuple[dict[str, Any], ...] = ({}, {"classes": None}, {"all": False})
    for options in (*nothing, {"malformed": False}, {"min_attempts": 0}, {"older_than": "0"}):
        with pytest.raises(BadOption, match="all: true"):
            info(scratch_redis, **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"error_message": "code (5"}, r"error_message is no regular expression: .*position 5: code \(5$"),
        ({"where": "attempts >"}, 'where is no JMESPath expression: .*Incomplete expression: "attempts >"$'),
        ({"where": "no_such(class)"}, r"where is no JMESPath expression: .*no_such\(\)"),
        ({"older_than": "soon"}, "older_than: 'soon' .*90s"),
        ({"newer_than": "-5m"}, "newer_than: '-5m'"),
    ],
)
def test_what_does_not_compile_is_an_error_that_shows_where(options, says, scratch_redis):
    scratch_redis.lpush("queue:pull", pack({"class": "A", "args": [], "error_class": "B", "error_message": "x"}))
    scratch_redis.sadd("queues", "pull")
    with pytest.raises(BadOption, match=says):
        info(scratch_redis, **options)


# --- arguments and domains ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "args", "is_meant"),
    [
        ([1101], [1101], True),
        (["1101"], [1101], True),
        ([1101], ["1101"], False),
        ([1101], [1101, "more"], True),
        ([1101, "more"], [1101], False),
        ([None, "x"], [1101, "x"], True),
        ([None, None], [1101], False),
        ([True], [1], False),
        ([1], [True], False),
        ([False], [0], False),
        ([1], [1.0], True),
        ([{"a": [1]}], [{"a": [1], "b": 2}], False),
        ([{"a": [1]}], [{"a": [1]}], True),
        ([[1, 2]], [[1, 2]], True),
        (["Grüße"], ["Grüße"], True),
        ([""], [""], True),
    ],
)
def test_arguments(wanted, args, is_meant):
    known = Known(pack({"class": "A", "args": args}), Place("queues", b"pull"), None, 0)
    assert select({"args": wanted}, [known]) == ([0] if is_meant else [])


def test_arguments_of_a_mail_are_those_of_the_mailer():
    mail = {
        "job_class": MAILER,
        "arguments": ["UserMailer", "welcome", "deliver_now", {"args": [7], "params": {"a": 1}}],
    }
    for wrapper in WRAPPERS:
        raw = pack({"class": wrapper, "wrapped": MAILER, "args": [mail]})
        known = Known(raw, Place("queues", b"mailers"), None, 0)
        assert select({"args": [{"a": 1}, [7]]}, [known]) == [0]
        assert select({"classes": ["UserMailer#welcome"]}, [known]) == [0]
        assert select({"classes": [wrapper]}, [known]) == []


@pytest.mark.parametrize(
    ("wanted", "url", "is_meant"),
    [
        ("gone.example", "https://gone.example/inbox", True),
        ("gone.example", "https://GONE.example:3000/inbox", True),
        ("GONE.Example", "https://gone.example/inbox", True),
        ("gone.example", "https://a.gone.example/inbox", False),
        ("*.gone.example", "https://a.gone.example/inbox", True),
        ("*.GONE.example", "https://b.a.gone.example/inbox", True),
        ("*.gone.example", "https://gone.example/inbox", False),
        ("*.gone.example", "https://notgone.example/inbox", False),
        ("gone.example", "https://notgone.example/gone.example", False),
        ("gone.example", "no url", False),
    ],
)
def test_domains(wanted, url, is_meant):
    job = {"class": "ActivityPub::DeliveryWorker", "args": ["{}", 101, url, {}]}
    known = Known(pack(job), Place("queues", b"push"), None, 0)
    assert select({"domains": [wanted]}, [known]) == ([0] if is_meant else [])


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        (rb"Worker\/odd", "Worker/odd"),
        (rb"Worker\/odd", "*/odd*"),
        (rb"Work\u0065r", "Worker"),
        (rb"Work\\ueer", "Work\\ueer"),
        (b"W\xc3\xb6rker", "W\xf6rker"),
        (rb"W\u00f6rker", "W\xf6rker"),
        (rb"A\"quoted\"", 'A"quoted"'),
    ],
)
def test_classes_that_are_written_with_escapes(stored, wanted):
    known = Known(b'{"class":"%s","args":[]}' % stored, Place("queues", b"pull"), None, 0)
    assert select({"classes": [wanted]}, [known]) == [0]


@pytest.mark.parametrize("jid", ["a/b", 'a"b', "a\\b", "a\udcffb", "ab"])
def test_jids_that_are_written_with_escapes(jid):
    stored = json.dumps(jid).replace("/", "\\/")
    known = Known(f'{{"class":"A","args":[],"jid":{stored}}}'.encode(), Place("queues", b"pull"), None, 0)
    assert select({"jids": [jid.replace("\udcff", "\\udcff")]}, [known]) == [0]
    select({"jids": [jid]}, [known])  # whatever it is, it is no error


# --- drawing ------------------------------------------------------------------------------------------------------------------


class NoRedis:
    """A Redis without a queue: where to look is the same whatever is there."""

    def __init__(self) -> None:
        self._answers: list[Any] = []

    def pipeline(self, **_options: Any) -> NoRedis:
        self._answers = []
        return self

    def __enter__(self) -> NoRedis:
        return self

    def __exit__(self, *_reason: object) -> None:
        pass

    def smembers(self, _key: bytes) -> None:
        self._answers.append(set())

    def llen(self, _key: bytes) -> None:
        self._answers.append(0)

    def execute(self, **_options: Any) -> list[Any]:
        return self._answers


EVERYWHERE = (*(Place("queues", queue.encode()) for queue in QUEUES), *(Place(name) for name in SETS[1:]))


def draw_members(chance: random.Random, count: int = MEMBERS, places: Sequence[Place] = EVERYWHERE) -> list[Known]:
    positions: dict[Place, Iterator[int]] = {}
    members: list[Known] = []
    for serial in range(count):
        place = chance.choice(places)
        position = next(positions.setdefault(place, itertools.count()))
        members.append(draw_member(chance, place, position, f"{serial:08x}{chance.getrandbits(64):016x}", members))
    return members


def draw_member(chance: random.Random, place: Place, position: int, jid: str, others: list[Known]) -> Known:
    score = None if place.is_queue else NOW + chance.uniform(-300_000, 300_000)
    if chance.random() < 0.04:
        odd = (b"", b"null", b"[]", b'"BackupWorker"', b'{"class":"BackupWorker","jid":"%s"' % jid.encode(), b"\xff")
        raw = chance.choice(odd) + b" " * position  # members of a set differ
        return Known(raw, place, score, position, since=score if place.set == "dead" else None, malformed=True)
    kind = chance.choice(("delivery", "backup", "mail", "active", "moved", "other", "other"))
    known = Known(b"", place, score, position, jid=jid, queue=place.label if place.is_queue else chance.choice(QUEUES))
    known.klass = {
        "delivery": "ActivityPub::DeliveryWorker",
        "backup": "BackupWorker",
        "mail": chance.choice(("UserMailer#welcome", "UserMailer#warning", "NotificationMailer#mention")),
        "active": "ActiveStorage::AnalyzeJob",
        "moved": "Über::Wörker😀",
        "other": chance.choice(("DistributionWorker", "Import::RowWorker", "Worker/odd", "MoveWorker")),
    }[kind]
    job: dict[str, Any] = {"class": known.klass}
    if kind == "delivery":
        known.domain = chance.choice(HOSTS)
        known.args = [decoy(chance, others), 101, f"https://{known.domain}/inbox", {}]
        job["args"] = known.args
    elif kind == "mail":
        mailer, method = str(known.klass).split("#")
        inner = {"args": [chance.randrange(9)], "params": {"class": "BackupWorker"}}
        known.args = [inner["params"], inner["args"]]
        arguments = [mailer, method, "deliver_now", inner]
        job.update({"class": chance.choice(WRAPPERS), "wrapped": MAILER})
        job["args"] = [{"job_class": MAILER, "arguments": arguments}]
    elif kind == "active":
        known.args = [chance.randrange(9), "text"]
        job.update({"class": chance.choice(WRAPPERS), "wrapped": known.klass})
        job["args"] = [{"job_class": known.klass, "arguments": known.args}]
    else:
        known.args = [
            chance.randrange(9),
            *chance.sample([None, 3, "3", decoy(chance, others), [1], 2.5], chance.randint(0, 2)),
        ]
        job["args"] = known.args
    if kind == "moved" and chance.random() < 0.5:
        job.update({"class": "Hidden::Class", "display_class": known.klass})
    job.update(jid=jid, queue=known.queue)
    known.args = ["a\\udcffb" if value == NO_UTF8 else value for value in known.args]
    describe(chance, known, job)
    known.raw = write(chance, dict(chance.sample(list(job.items()), len(job))))
    return known


def describe(chance: random.Random, known: Known, job: dict[str, Any]) -> None:
    """Times, errors and tags."""

    def moment() -> float:
        return NOW - chance.choice((chance.uniform(1, 200), chance.uniform(1, 400_000)))

    def stored(seconds: float) -> float:
        return int(seconds * 1000) if chance.random() < 0.5 else seconds

    created, enqueued, failed, retried = (round(moment(), 3) for _number in range(4))
    times = {"created_at": created}
    known.since = created
    if known.place.set != "scheduled" and chance.random() < 0.9:
        times["enqueued_at"] = enqueued
        known.since = enqueued
    if known.place.set in ("retry", "dead"):
        known.error, known.message = chance.choice(ERRORS), chance.choice(MESSAGES)
        job.update(error_class=known.error, error_message=known.message)
        count = chance.randrange(9)
        job["retry_count"], known.attempts = count, count + 1
        times["failed_at"] = known.since = failed
        if count:
            times["retried_at"] = known.since = retried
    if known.place.set == "dead":
        known.since = known.score
    job.update({name: stored(value) for name, value in times.items()})
    if chance.random() < 0.3:
        known.tags = chance.sample(TAGS, chance.randint(1, 2))
        job["tags"] = known.tags


def decoy(chance: random.Random, others: list[Known]) -> Any:
    """An argument that looks like another job."""
    other = chance.choice(others) if others else None
    inner = {"class": "BackupWorker", "jid": other.jid if other else "x", "queue": "push", "tags": ["bulk"]}
    return chance.choice((inner, json.dumps(inner), "ExportWorker", "\\u0042ackup", NO_UTF8, 'say "class"'))


def write(chance: random.Random, value: Any) -> bytes:
    """JSON as anybody may write it; a surrogate that stands for a byte becomes that byte."""
    style = chance.choice(("plain", "plain", "spaced", "slashed", "escaped"))
    space = " " if style == "spaced" else ""

    def text(value: str) -> str:
        return '"' + "".join(map(letter, value)) + '"'

    def letter(char: str) -> str:
        if "\udc80" <= char <= "\udcff":
            return char
        if char in '"\\':
            return "\\" + char
        if char == "/" and style in ("slashed", "escaped"):
            return "\\/"
        if char < " " or (style == "escaped" and chance.random() < 0.2):
            pair = char.encode("utf-16-be").hex()
            code = "".join(f"\\u{pair[at : at + 4]}" for at in range(0, len(pair), 4))
            return code if chance.random() < 0.5 else code.replace("\\u", "\\U").upper().replace("\\U", "\\u")
        return char

    def any_(value: Any) -> str:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, dict):
            inner = f",{space}".join(f"{text(key)}{space}:{space}{any_(item)}" for key, item in value.items())
            return f"{{{space}{inner}{space}}}"
        if isinstance(value, list):
            return f"[{space}" + f"{space},".join(map(any_, value)) + "]"
        return json.dumps(value)

    return (space + any_(value) + space).encode("utf-8", "surrogateescape")


def pack(job: dict[str, Any]) -> bytes:
    return json.dumps(job, ensure_ascii=False, separators=(",", ":")).encode()
