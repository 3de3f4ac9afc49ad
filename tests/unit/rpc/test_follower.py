"""A step that is done again and again, and when it is done no more."""

from threading import Event, Semaphore, current_thread, main_thread

from landbridge.rpc.follower import Follower


async def test_it_steps_again_and_again_on_another_thread_until_it_is_stopped() -> None:
    stepped = Semaphore(0)
    threads = set()

    def step() -> None:
        threads.add(current_thread())
        stepped.release()

    follower = Follower(step, name="test", interval_s=0)
    follower.start()
    for _ in range(3):
        stepped.acquire()
    await follower.stop()
    assert main_thread() not in threads
    (thread,) = threads
    assert not thread.is_alive()


async def test_a_step_that_is_under_way_ends_before_it_is_stopped_and_none_follows() -> None:
    begun, done = Event(), []

    def step() -> None:
        begun.set()
        done.append(1)

    follower = Follower(step, name="test", interval_s=3600)
    follower.start()
    begun.wait()
    await follower.stop()
    assert done == [1]


async def test_one_that_was_never_started_can_be_stopped() -> None:
    await Follower(lambda: None, name="test", interval_s=1).stop()
