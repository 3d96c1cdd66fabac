"""Forking: before and after the first use, with a preloaded server, in a pool of processes."""

from __future__ import annotations

import pytest
from programs import Program


def test_fork_before_the_first_use(program: Program) -> None:
    done = program("print(in_child(work)); print(work())")
    assert done.stdout.splitlines() == [repr(("'hello'", 0)), "hello"]


def test_fork_after_the_first_use(program: Program) -> None:
    done = program("print(work()); print(in_child(work)); print(in_child(work)); print(work())")
    child = repr(("'hello'", 0))
    assert done.stdout.splitlines() == ["hello", child, child, "hello"]


def test_a_child_of_a_child(program: Program) -> None:
    done = program("work(); print(in_child(lambda: (work(), in_child(work), work())))")
    assert done.stdout.count("hello") == 3


def test_what_was_made_before_answers_forked_in_the_child(program: Program) -> None:
    done = program(
        """
kernel = aikit.open()
agent = kernel.agent(slow())
collection = kernel.collection("c")
run = agent.start("x", run_id="r")
next(run)

def old_handles():
    calls = [
        lambda: kernel.agent(make_spec()),
        lambda: agent.run("y"),
        lambda: next(run) and list(run),
        lambda: run.result(),
        lambda: kernel.run_events("r"),
        lambda: collection.search("x"),
        lambda: kernel.call_tool("calculator", {"expression": "1"}),
    ]
    return [code_of(call) for call in calls]

print(in_child(old_handles)[0])
print(in_child(lambda: (run.cancel(), kernel.tool))[1])
run.cancel()
print(run.result().status)
"""
    )
    lines = done.stdout.splitlines()
    assert lines[0] == repr(["forked"] * 7)
    assert lines[1:] == ["0", "cancelled"], "the parent goes on unharmed"


def test_dropping_old_handles_in_the_child_does_not_hang(program: Program) -> None:
    done = program(
        """
kernel = aikit.open()
run = kernel.agent(slow()).start("x")
next(run)

def drop():
    global kernel, run
    del kernel, run
    gc.collect()
    return work()

print(in_child(drop))
print(run.cancel(), run.result().status)
"""
    )
    assert done.stdout.splitlines() == [repr(("'hello'", 0)), "None cancelled"]


def test_forking_while_other_threads_run(program: Program) -> None:
    done = program(
        """
stop = threading.Event()
def busy():
    while not stop.is_set():
        work()
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads: thread.start()
time.sleep(0.2)
print({in_child(work) for _ in range(10)})
stop.set()
for thread in threads: thread.join()
"""
    )
    assert done.stdout.strip() == repr({("'hello'", 0)})


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes(program: Program, method: str, tmp_path: object) -> None:
    done = program(
        f"""
import multiprocessing, pathlib, tempfile
folder = tempfile.mkdtemp()
pathlib.Path(folder, "pool_work.py").write_text('''
import aikit
def job(number):
    with aikit.open() as kernel:
        spec = aikit.parse_spec(
            "identity: {{agent_id: a}}\\\\n"
            "intelligence: {{model: scripted/x, script: [{{text: '{{{{input}}}}'}}]}}\\\\n")
        return kernel.agent(spec).run(str(number)).text
''')
sys.path.insert(0, folder)
import pool_work
work()  # the parent's runtime is in use
with multiprocessing.get_context("{method}").Pool(2) as pool:
    print(pool.map(pool_work.job, range(6)))
"""
    )
    assert done.stdout.strip() == repr([str(number) for number in range(6)])


def test_preload_then_fork_as_servers_do(program: Program) -> None:
    done = program(
        """
# gunicorn --preload: the application is imported, and even used, before the workers are forked.
spec = make_spec()
work()
answers = [in_child(lambda: [work() for _ in range(3)]) for _ in range(4)]
print(set(answers))
"""
    )
    assert done.stdout.strip() == repr({("['hello', 'hello', 'hello']", 0)})


def test_a_child_ends_in_the_ordinary_way(program: Program) -> None:
    program(
        """
work()
pid = os.fork()
if pid == 0:
    work()
    sys.exit(7)  # with every exit handler
began = time.monotonic()
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 7, status
assert time.monotonic() - began < 30
"""
    )


def test_asyncio_in_parent_and_child(program: Program) -> None:
    done = program(
        """
import asyncio
async def main():
    async with await aikit.open_async() as kernel:
        return (await (await kernel.agent(make_spec())).run("x")).text
print(asyncio.run(main()))
print(in_child(lambda: asyncio.run(main())))
"""
    )
    assert done.stdout.splitlines() == ["hello", repr(("'hello'", 0))]
