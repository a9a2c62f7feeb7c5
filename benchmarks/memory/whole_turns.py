"""This project's walk for turns of several questions: each is approved by its own link."""

import json
import re
from collections.abc import Iterator

import approval_handler
from benchmarks.cycle.our_project import Context, Walk, _approval

_LINK = re.compile(r"https?://\S+\?decision=approved")


class WholeTurns(Walk):
    """Its cycle approves all of a turn, and delivers the message of each decision."""

    def _cycle(self) -> None:
        for _ in self.decisions():
            pass

    def decisions(self) -> Iterator[None]:
        """Approves the next e-mail's questions one by one; the last decision resumes the agent."""
        message = self._receive(self.engine.mail_queue_url)
        self._forget(self.engine.mail_queue_url, message)
        for link in dict.fromkeys(_LINK.findall(json.loads(message["Body"])["Message"])):
            with self.meter.measured():
                answer = approval_handler.handler(_approval(link), Context())
            if answer["statusCode"] != 200:
                raise RuntimeError(f"the approval was answered with {answer['statusCode']}")
            self._deliver()
            yield

    def _seed_approvals(self, session_id: str, count: int) -> None:
        """Leaves earlier questions without records: nobody reads those."""
