"""What must hold for an uploader's object. Small files are really sent to where the options say, and stay there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from threading import Event
from urllib.parse import unquote, urlsplit

from roop_host.errors import UploadError, told, visible
from roop_host.pipeline.calls import GRACE_S
from roop_host.runner.codes import leads_to
from roop_host.testing.checking import DoesNotApply, Failed, NotRun, checks
from roop_host.testing.checks.process import offline
from roop_host.testing.sending import FIRST, Sender, Sent, sending
from roop_host.testing.subject import Subject
from roop_host.testing.watching import Bounded, stopped, texts_told
from roop_host.types.uploads import QrCode, Receipt

#: What files are called. They differ in content too, so that each is sent.
_NAMES = (
    "\u00fcber gr\u00f6\u00dfe",
    "in some words",
    "one#two",
    "what+and&more=1",
    "50%",
    "100%20of",
    "two.dots.in",
    "x" * 200,
)
#: Variables that hold what nobody may see. An id of a key is part of links that are signed with it.
_SECRET = re.compile(r"(?!.*_ID$).*(KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL)", re.IGNORECASE)
#: A shorter value may stand anywhere by chance.
_LEAST_SECRET = 8


def load_asks_no_network(subject: Subject) -> None:
    """Loading asks nothing of the network.

    ``load`` only imports and gives the class. Look for the server in ``setup``, which comes before hours of work, and
    send in ``upload``: until then nothing may leave this machine.
    """
    with offline() as reached:
        subject.fresh()
    if reached:
        raise Failed(f"it asked for {reached[0]} before setup")


def upload_gives_a_receipt(subject: Subject) -> None:
    """An upload gives a receipt that can be shown: a whole address or None, and details that are texts.

    Return ``Receipt(url, {"bucket": "clips"})``: the address as people open it, without a password in it, and details as
    one line of text each.
    """
    try:
        with sending(subject) as (_, sent):
            receipt = sent.receipt
    except NotRun as error:
        if isinstance(error.error, UploadError):
            raise Failed(f"it sent neither a small picture nor a small clip: {error}") from error
        raise
    _require_whole(receipt)


def code_leads_to_the_link(subject: Subject) -> None:
    """A QR code leads to the very address of the receipt.

    Make the code of the text that is ``Receipt.url``, with rows of ``1`` and ``0`` and without the white around them; the
    host reads it and doesn't draw one that leads elsewhere.
    """
    with sending(subject) as (_, sent):
        receipt = sent.receipt
    code = receipt.code
    if code is None:
        raise DoesNotApply("it gives no code")
    if not isinstance(code, QrCode):
        raise Failed(f"it gave a {type(code).__name__} and no QrCode")
    if receipt.url is None:
        raise Failed("it gave a code, and no address to which that could lead")
    if not leads_to(code, receipt.url):
        raise Failed(f"it gave a code that is not read as {receipt.url}")


def file_stays_as_it_is(subject: Subject) -> None:
    """The file that is sent stays where and as it is.

    Read it and nothing else: the host fails a job whose output was changed, moved or touched after it was screened. What
    has to be another file, such as a smaller one, is made in a temporary folder.
    """
    with sending(subject) as (_, sent):
        if not sent.is_there:
            raise Failed("it removed the file that it was to send")
        if not sent.is_same:
            raise Failed("it changed the file that it was to send")


def nothing_is_written_beside_it(subject: Subject) -> None:
    """Nothing is written beside the file.

    No screener has seen what would stand there. Keep what is to be remembered in the user's state folder, work on a
    temporary one, and give a QR code as ``Receipt.code``, which the host draws.
    """
    with sending(subject) as (_, sent):
        if sent.beside:
            raise Failed(f"it wrote {', '.join(sent.beside)} beside the file")


def progress_is_told_in_bytes(subject: Subject) -> None:
    """The progress is told: how many bytes are there, never fewer than before, and at last all of them.

    Call ``artifact.sent(done)`` with a whole number from 0 to ``artifact.size`` as parts arrive, and
    ``artifact.sent(artifact.size)`` at the end, also where the file was there already.
    """
    with sending(subject) as (_, sent):
        heard, size = sent.told, sent.artifact.size
    odd = [done for done in heard if type(done) is not int or not 0 <= done <= size]
    if odd:
        raise Failed(f"it told {odd[0]!r} of a file of {size} bytes")
    back = [(before, now) for before, now in pairwise(heard) if now < before]
    if back:
        raise Failed("it told {1} of a file of {2} bytes after {0}".format(*back[0], size))
    if not heard or heard[-1] != size:
        raise Failed(f"it told {heard[-1] if heard else 'nothing'} at last of a file of {size} bytes")


def same_file_twice_is_one(subject: Subject) -> None:
    """The same file again, by another object too, goes to the same place and is no error.

    A run that failed later is repeated, and so is ``roop upload``: make what is sent recognisable, such as by its SHA-256
    or a name that follows from it, and take what is there already for sent.
    """
    with sending(subject) as (sender, first):
        wanted = _place(first.receipt)
        places = {"the same object": _place(_sent(sender, FIRST, 0).receipt)}
    try:
        with sending(subject) as (_, again):
            places["another object"] = _place(again.receipt)
    except NotRun as error:
        raise Failed(f"another object did not send the same file: {error}") from error
    for who, place in places.items():
        if place != wanted:
            raise Failed(f"it sent the same file to {wanted} first, and by {who} to {place}")


def any_name_can_be_sent(subject: Subject) -> None:
    """A file may have any name: umlauts, blanks, #, %, &, dots, 200 characters.

    Escape the name where it becomes part of an address (``urllib.parse.quote(name, safe="")``), shorten it to what the
    server takes, or name by the content.
    """
    with sending(subject) as (sender, _):
        for number, name in enumerate(_NAMES, 1):
            _require_escaped(_sent(sender, name, number))


def another_file_of_that_name_is_kept(subject: Subject) -> None:
    """A file of the same name and other content does not take the place of the first.

    Folders of clips often hold equal names. Name by the content, add a number, or raise ``UploadError`` with what to do,
    unless an option says that it may be replaced.
    """
    number = len(_NAMES) + 1
    with sending(subject) as (sender, _):
        place = _place(_sent(sender, "namesake", number).receipt)
        try:
            other = _place(sender.send("namesake", number + 1).receipt)
        except UploadError:
            return
    if place is None:
        raise DoesNotApply("it gives no link that would tell")
    if place == other:
        raise Failed(f"it sent two files of one name to {place}, so the second took the place of the first")


def cancel_is_heard(subject: Subject) -> None:
    """An upload of a job that was stopped comes back soon, as stopped or as done.

    Call ``ctx.check_cancel()`` between parts: it raises ``Interrupted`` when the job was stopped, and says that the upload
    goes on. Wait with ``ctx.cancel.wait(seconds)`` and not with ``time.sleep``.
    """
    cancel = Event()
    late = f"it was not back {GRACE_S:g} s after the job was stopped"
    with sending(subject, replace(subject.context(), cancel=cancel)) as (sender, _), Bounded() as thread:
        cancel.set()
        with stopped():
            thread.call(lambda: sender.send("stopped", len(_NAMES) + 3), GRACE_S, late)


def no_secret_is_told(subject: Subject) -> None:
    """No secret of the environment stands in what is told: link, details, notes, log, stdout, stderr.

    A receipt stands in reports, and a log is pasted into issues. Leave keys out of texts and links, also out of what an
    error of the library says. What counts are values of variables named like KEY, SECRET, TOKEN or PASSWORD.
    """
    secrets = {
        name: value for name, value in os.environ.items() if _SECRET.match(name) and len(value.strip()) >= _LEAST_SECRET
    }
    with texts_told() as texts, sending(subject) as (_, sent):
        receipt = sent.receipt
    url = str(receipt.url)
    said = {"the link": url + unquote(url), "the details": str(receipt.details), "a note": str(sent.notes)}
    said["the log or on the terminal"] = texts()
    for name, value in secrets.items():
        for where, text in said.items():
            if value.strip() in text:
                raise Failed(f"it told the value of {name} in {where}")


def _require_whole(receipt: Receipt) -> None:
    if not isinstance(receipt.details, Mapping):
        raise Failed(f"it gave details of the type {type(receipt.details).__name__} and no mapping")
    for key, value in receipt.details.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise Failed(f"it gave the detail {key!r}: {value!r}, which is no text")
        if visible(value) != value or not key.strip():
            raise Failed(f"it gave the detail {key!r}: {value!r}, which is no line of text")
    url = receipt.url
    if url is None:
        return
    if not isinstance(url, str):
        raise Failed(f"it gave the address {url!r}, which is no text")
    if re.search(r"\s", url) or visible(url) != url or not urlsplit(url).scheme:
        raise Failed(f"it gave the address {url!r}, which is none: it has no scheme, or a blank in it")
    if urlsplit(url).password:
        raise Failed("it gave an address with a password in it")


def _require_escaped(sent: Sent) -> None:
    url, name = sent.receipt.url, sent.artifact.path.name
    if url is None:
        return
    parts = urlsplit(url)
    cut = "#" in name and parts.fragment == name.partition("#")[2]
    read_anew = unquote(name) != name and unquote(parts.path).endswith(f"/{unquote(name)}")
    if cut or read_anew or re.search(r"\s|%(?![0-9A-Fa-f]{2})", url):
        raise Failed(
            f"it gave the address {url!r} for a file called {name!r}: the name is not escaped, so it leads elsewhere"
        )


def _sent(sender: Sender, stem: str, number: int) -> Sent:
    """Raises ``Failed`` for whatever the upload raises."""
    try:
        return sender.send(stem, number)
    except Exception as error:
        raise Failed(f"it did not send a file called {stem + sender.suffix!r}: {told(error)}") from error


def _place(receipt: Receipt) -> str | None:
    """Where it went: what a link says behind the path, such as its end and its signature, is new each time."""
    return None if receipt.url is None else str(receipt.url).partition("?")[0].partition("#")[0]


CHECKS = checks(
    load_asks_no_network,
    upload_gives_a_receipt,
    code_leads_to_the_link,
    file_stays_as_it_is,
    nothing_is_written_beside_it,
    progress_is_told_in_bytes,
    same_file_twice_is_one,
    any_name_can_be_sent,
    another_file_of_that_name_is_kept,
    cancel_is_heard,
    no_secret_is_told,
)
