"""What an acknowledgement means for the message that it is about (HL7 2.5.1 2.9, table 0008).

Codes and lengths are told, never texts: MSA-3 and ERR may quote the patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from daemon.core.hl7 import MalformedMessage, Message, parse
from daemon.core.outcome import Answer, Outcome

# Table 0008. Reject is of what passes (a system that is down) or is mended in the settings, so time may help; error is
# of the message, which will be the same again.
ANSWERS: Mapping[str, Answer] = {
    "AA": Answer.ACCEPTED,
    "CA": Answer.ACCEPTED,
    "AE": Answer.REFUSED,
    "CE": Answer.REFUSED,
    "AR": Answer.BUSY,
    "CR": Answer.BUSY,
}
_ERROR = re.compile(r"[12]\d\d")  # table 0357; of other tables, local ones, nobody knows what they hold


def acknowledged(content: bytes) -> tuple[str, Outcome]:
    """(MSH-10 of the message that is acknowledged, what became of it). Raises MalformedMessage."""
    message = parse(content.decode("latin-1"))
    answer = message.first("MSA")
    code = answer.text(1)
    if code not in ANSWERS:
        raise MalformedMessage("no acknowledgement code")
    meaning = ANSWERS[code]
    reason = "" if meaning is Answer.ACCEPTED else f"{code}{_detail(message)}"
    return answer.text(2), Outcome(meaning, None, reason)


def _detail(message: Message) -> str:
    """What more the answer says, as codes of table 0357 and lengths."""
    codes = sorted(set(_errors(message)))
    told = f", error {' and '.join(codes)}" if codes else ""
    length = len(message.first("MSA").text(3)) + sum(len(error.text(8)) for error in message.named("ERR"))
    return f"{told}, with a text of {length} characters" if length else told


def _errors(message: Message) -> Iterator[str]:
    """ERR-3, or, before version 2.5, the fourth component of ERR-1 (its first subcomponent); else MSA-6."""
    for error in message.named("ERR"):
        for code in (error.text(3), error.text(1, 4).split(error.delimiters[4])[0]):
            if _ERROR.fullmatch(code):
                yield code
    if _ERROR.fullmatch(message.first("MSA").text(6)):
        yield message.first("MSA").text(6)
