"""Lines that end in `# flag` break the rule `swallowed`; no other line does."""

import contextlib
from contextlib import suppress

from loguru import logger


def quiet(work, log):
    try:
        work()
    except:  # flag
        pass
    try:
        work()
    except Exception:  # flag
        pass
    try:
        work()
    except (OSError, BaseException):  # flag
        ...
    try:
        work()
    except KeyError:  # flag
        pass
    for _ in range(3):
        try:
            work()
        except Exception:  # flag
            continue
    with suppress(Exception):  # flag
        work()
    with contextlib.suppress(KeyError, BaseException):  # flag
        work()
    with contextlib.suppress(KeyError):  # narrow, and it says so
        work()
    for _ in range(3):
        try:
            work()
        except KeyError:
            continue
    try:
        work()
    except Exception as error:
        logger.opt(exception=error).error("it failed")
    try:
        work()
    except Exception:  # flag
        return None
    try:
        work()
    except KeyError:
        pass
    else:
        log("it did not come")
    try:
        work()
    except Exception:  # flag
        pass
    else:
        log("it did not come")
    return None


def loud(work):
    try:
        work()
    except Exception:
        raise
    except BaseException as error:
        return error
