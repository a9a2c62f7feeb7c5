"""Gemini signs its calls and wants each signature back, natively and in LiteLLM's ids."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from gemini_api import gemini_api, responses, signature_of
from loopback import Call, ModelApi, Script
from strands.models.gemini import GeminiModel
from strands.models.litellm import LiteLLMModel
from strands.models.model import Model

from longrunning import sessions
from world import World

DRAFT = "Summer at Unicorn Rentals: two rides for one!"
EDITED = "Two rides for one, all summer."
DECISIONS = {
    "approved": {"decision": "approved", "comment": "Lovely!"},
    "denied": {"decision": "denied", "comment": "Drop the price"},
    "edited": {"decision": "approved", "content": EDITED},
}
TOLD = {"approved": "Lovely!", "denied": "Drop the price", "edited": EDITED}

Play = Callable[[Script], ModelApi]

pytestmark = pytest.mark.filterwarnings("ignore")  # What a provider's client warns of is not ours.


def natively(url: str) -> Model:
    settings = {"api_key": "none", "http_options": {"base_url": url}}
    return GeminiModel(client_args=settings, model_id="gemini-stand-in")


def through_litellm(url: str) -> Model:
    settings = {"api_key": "none", "api_base": f"{url}/v1beta/models/gemini-stand-in"}
    return LiteLLMModel(client_args=settings, model_id="gemini/gemini-3-pro-preview")


@pytest.fixture(params=[natively, through_litellm])
def play(use_model: Callable[[Model], None], request: pytest.FixtureRequest) -> Iterator[Play]:
    """Gives the model its script; a signature that does not come back breaks a rule."""
    with ExitStack() as stack:
        served: list[ModelApi] = []

        def start(script: Script) -> ModelApi:
            api = stack.enter_context(gemini_api(script))
            served.append(api)
            use_model(request.param(api.url))
            return api

        yield start
        assert [api.refused for api in served] == [[]] * len(served)


def ask(text: str = DRAFT, call_id: str | None = None) -> Call:
    return Call("human_approval", {"content": text}, call_id)


def publish(text: str = DRAFT, call_id: str | None = None) -> Call:
    return Call("publish_post", {"content": text}, call_id)


def test_a_signed_question_is_approved_published_and_done(world: World, play: Play) -> None:
    play([[ask()], [publish()], "It is published."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["approve"], decision="approved")
    assert world.deliver_until_quiet() == 1
    assert [post["content"] for post in world.posts()] == [DRAFT]
    session = world.session(session_id)
    assert (session.status, session.outcome) == (sessions.COMPLETED, "published")
    assert not world.dead_letters()


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_signature_comes_back_with_the_decision(
    world: World, play: Play, decision: str
) -> None:
    api = play([[ask()], "I read."])
    session_id = world.start()
    (mail,) = world.read_mail()
    world.click(mail.links["deny" if decision == "denied" else "approve"], **DECISIONS[decision])
    world.deliver_until_quiet()
    (response,) = responses(api.requests[-1])
    assert TOLD[decision] in response
    signature = signature_of("human_approval", {"content": DRAFT})
    assert signature in json.dumps(api.requests[-1]).replace("-", "+").replace("_", "/")
    assert world.session(session_id).status == sessions.COMPLETED


def test_each_of_two_questions_keeps_its_own_signature(world: World, play: Play) -> None:
    api = play([[ask("One"), ask("Two")], "I read."])
    world.start()
    for links in [mail.links for mail in world.read_mail()]:
        world.click(links["approve"], decision="approved")
    world.deliver_until_quiet()
    assert len(responses(api.requests[-1])) == 2


def test_ids_that_begin_again_with_every_answer_keep_their_signatures(
    world: World, play: Play
) -> None:
    play([[ask("One", "0")], [ask("Two", "0")], [publish("Two", "0")], "It is published."])
    world.start()
    for decision in ("denied", "approved"):
        (mail,) = world.read_mail()
        link = mail.links["deny" if decision == "denied" else "approve"]
        world.click(link, decision=decision)
        world.deliver_until_quiet()
    assert [post["content"] for post in world.posts()] == ["Two"]
    assert not world.dead_letters()
