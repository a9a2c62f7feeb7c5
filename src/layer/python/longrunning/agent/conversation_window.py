"""How much of a long conversation is kept."""

from typing import Any

from strands import Agent
from strands.agent.conversation_manager import SlidingWindowConversationManager

from longrunning.agent.conversation import is_decision, tool_results


class BlockwiseWindow(SlidingWindowConversationManager):
    """A sliding window that slides seldom, and then far.

    Each slide changes how the conversation begins, and then all of it is stored anew.
    """

    def __init__(self, most_messages: int, window_size: int) -> None:
        """Keeps the first message, the task.

        Args:
            most_messages: Beyond so many the conversation is trimmed.
            window_size: How many are left then.
        """
        super().__init__(window_size=window_size, pin_first=1)
        self.most_messages = most_messages

    def apply_management(self, agent: Agent, **kwargs: Any) -> None:
        """Trims the conversation, if it has become too long; the loop calls it after each turn."""
        if len(agent.messages) > self.most_messages:
            super().apply_management(agent, **kwargs)

    def _find_oldest_message_with_tool_results(self, messages: Any) -> int | None:
        """Finds what is shortened when the model's window is full: never a decision.

        The model must read the text that a person approved, whole.
        """
        shown: Any = [
            {**message, "content": []} if any(map(is_decision, tool_results(message))) else message
            for message in messages
        ]
        return super()._find_oldest_message_with_tool_results(shown)
