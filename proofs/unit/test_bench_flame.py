"""`benchmarks/throughput/flame.py`: whose the time is, and that the picture needs nothing else."""

import xml.etree.ElementTree as ET
from collections import Counter

from benchmarks.throughput import flame
from benchmarks.throughput.flame import CLIENT, HANDLER, MODEL, OURS, STRANDS, XRAY, Stacks

LOOP = "main (benchmarks/throughput/agent_loop.py)"
IN_STRANDS = ("Agent.__call__ (strands/agent/agent.py)", flame.RUN_ASYNC)
WAIT = "Condition.wait (threading.py)"
READ = "SocketIO.readinto (socket.py)"
PUT = (
    "SessionStore.create (src/layer/python/longrunning/sessions.py)",
    "record_subsegment (aws_xray_sdk/core/recorder.py)",
    f"DynamoDB PutItem ({flame.AWS_FILE})",
    "BaseClient._make_api_call (botocore/client.py)",
)

STACKS: Stacks = Counter(
    {
        ("main", LOOP, "receive (botocore/client.py)", READ): 100,  # No message: not counted.
        ("main", LOOP, HANDLER, "_resources (src/agent/agent_handler.py)", "x (re.py)"): 50,
        (
            "main",
            LOOP,
            HANDLER,
            "f (src/layer/python/longrunning/agent/worker.py)",
            "g (<frozen importlib._b>)",
        ): 50,
        ("main", LOOP, HANDLER, *PUT, READ): 20,
        ("main", LOOP, HANDLER, *PUT, "sign (botocore/auth.py)"): 5,
        ("main", LOOP, HANDLER, *PUT[:2]): 3,
        ("main", LOOP, HANDLER, "loads (json/__init__.py)"): 2,
        ("main", LOOP, HANDLER, *IN_STRANDS, WAIT): 30,
        ("pool", "execute (strands/_async.py)", "cycle (strands/loop.py)", "x (copy.py)"): 9,
        ("pool", "execute (strands/_async.py)", "_once (asyncio)", "select (selectors.py)"): 15,
        (
            "pool",
            "execute (strands/_async.py)",
            "stream (src/layer/python/longrunning/agent/scripted/model.py)",
        ): 1,
        ("tool", "run (t.py)", flame.PUBLISHING, "urlopen (urllib3/pool.py)", READ): 12,
        ("idle", "_worker (concurrent/futures/thread.py)"): 60,
    }
)


def found() -> dict[str, tuple[int, int]]:
    return {share.what: (share.samples, share.waiting) for share in flame.shares(STACKS)}


def test_raw_frames_lose_their_line_and_where_they_are_installed() -> None:
    text = (
        "thread (7): MainThread;f (/x/.venv/lib/python3.11/site-packages/botocore/auth.py:12);"
        "g (/usr/lib/python3.12/json/__init__.py:3);"
        f"h ({flame.ROOT}/src/layer/python/longrunning/agent/worker.py:4) 5\n"
        "thread (7): MainThread;DynamoDB PutItem (AWS:9) 2\n"
    )
    assert flame.parse(text) == {
        (
            "thread (7): MainThread",
            "f (botocore/auth.py)",
            "g (json/__init__.py)",
            "h (src/layer/python/longrunning/agent/worker.py)",
        ): 5,
        ("thread (7): MainThread", "DynamoDB PutItem (AWS)"): 2,
    }


def test_only_the_time_of_messages_counts_without_what_happens_once() -> None:
    assert flame.samples_of_the_handler(STACKS) == 20 + 5 + 3 + 2 + 30


def test_a_wait_for_another_thread_is_that_threads_time() -> None:
    kept = flame.of_the_function(STACKS)
    assert not any(frames[-1] == WAIT for frames in kept)
    assert kept[(HANDLER, flame.AGENT_THREAD, "cycle (strands/loop.py)", "x (copy.py)")] == 9
    assert sum(n for frames, n in kept.items() if flame.TOOL_THREADS in frames) == 12


def test_the_time_is_its_last_owners_and_an_aws_call_its_services() -> None:
    assert found() == {
        "calls of DynamoDB": (25, 20),
        XRAY: (3, 0),
        OURS: (2, 0),
        STRANDS: (9, 0),
        MODEL: (1, 0),
        "the POST to UniTok": (12, 12),
        flame.HAND_OVER: (8, 0),
    }


def test_all_shares_together_are_all_of_the_time() -> None:
    total = sum(samples for samples, _ in found().values())
    assert total == flame.samples_of_the_handler(STACKS)


def test_the_model_has_its_share_even_if_it_was_too_quick_to_be_met() -> None:
    assert [s.samples for s in flame.shares(Counter()) if s.what == MODEL] == [0]


def test_a_frame_belongs_to_whom_its_file_belongs() -> None:
    assert flame.owner("f (src/layer/python/longrunning/agent/scripted/model.py)") == MODEL
    assert flame.owner("f (src/layer/python/longrunning/agent/worker.py)") == OURS
    assert flame.owner("SQS SendMessage (AWS)") == CLIENT
    assert flame.owner("dumps (json/__init__.py)") == ""


def test_the_picture_is_whole_in_itself_and_has_no_scripts() -> None:
    picture = flame.svg(STACKS, "Where & when")
    root = ET.fromstring(picture)  # noqa: S314 - our own
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "g", "rect", "text", "title"}
    assert not any("href" in name for element in root.iter() for name in element.attrib)
    assert "PutItem" in picture and str(flame.ROOT) not in picture


def test_a_frame_is_as_wide_as_its_share_of_the_time() -> None:
    tree = flame.tree(flame.of_the_function(STACKS))
    boxes = {node.frame: width for node, _, _, width in flame._boxes(tree, 0, 0, 10)}
    assert boxes[HANDLER] == 10 * tree.samples
    assert boxes[PUT[0]] == 10 * 28
    assert PUT[3] not in boxes
