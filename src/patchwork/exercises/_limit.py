"""Calls of a reader's function that end: after some seconds they are stopped, as an interrupt of the kernel would."""

import ctypes
import signal
import threading


class TooLongError(BaseException):
    """An answer ran too long; not an Exception, so that ``except Exception`` in it doesn't go on."""


def call_within(seconds, function, *arguments):
    """Return ``function(*arguments)``, or raise TooLongError in it once the seconds are over.

    It runs in the caller's thread, since gradients and devices are set by thread. Like an interrupt, the stop waits for
    a single call into C to return; if the answer catches everything, it comes again and again.
    """
    in_main = threading.current_thread() is threading.main_thread()
    stopped = _by_signal if in_main and hasattr(signal, "setitimer") else _by_thread
    return stopped(seconds, lambda: function(*arguments))


def _by_signal(seconds, call):
    """By an alarm, which ends a sleep too. The timer is set off twice: the alarm may come in the first ``finally``."""

    def stop(number, frame):
        raise TooLongError

    handler = signal.signal(signal.SIGALRM, stop)
    before = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
            return call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *before)


def _by_thread(seconds, call):
    """By a second thread, where there is no alarm: on Windows, and outside the main thread."""
    own, lock, done = ctypes.c_ulong(threading.get_ident()), threading.Lock(), threading.Event()

    def watch():
        pause = seconds
        while not done.wait(pause):
            with lock:
                if not done.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(own, ctypes.py_object(TooLongError))
            pause = 0.05

    threading.Thread(target=watch, daemon=True).start()
    try:
        try:
            return call()
        finally:
            done.set()
    finally:
        done.set()
        with lock:  # nothing is sent from here on; what was sent and not yet raised is taken back
            ctypes.pythonapi.PyThreadState_SetAsyncExc(own, None)
