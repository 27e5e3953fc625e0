"""Hide the functions that Python does not have on Windows."""

from __future__ import annotations

OS_CALLS = """
    chown chroot fchdir fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp getuid
    initgroups killpg lchown mkfifo mknod nice openpty pathconf posix_spawn posix_spawnp pread preadv pwrite pwritev
    register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile setegid seteuid setgid setpgid setsid
    setuid statvfs sync sysconf ttyname uname wait wait3 wait4 O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC
    O_TMPFILE
""".split()  # noqa: SIM905
SIGNALS = """
    SIGALRM SIGCHLD SIGHUP SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 alarm pthread_sigmask setitimer sigwait
""".split()  # noqa: SIM905
MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios")

POSIX_ONLY = {
    *(f"os.{name}" for name in OS_CALLS),
    *(f"signal.{name}" for name in SIGNALS),
    *MODULES,
    "os.kill",
    "os.waitpid",
    "signal.SIGKILL",
    "mmap.MAP_PRIVATE",
    "mmap.MAP_ANONYMOUS",
    "mmap.MADV_HUGEPAGE",
}
"""Functions as ``module.name``, and modules, that do not exist. ``os.kill`` does, but it ends the process whatever the
signal; others exist with another meaning."""
