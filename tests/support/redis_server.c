#include "redis_server.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;
static char folder[80], url[128];

static bool
answers(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/redis.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char reply[8] = "";
    bool ok = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
              write(fd, "PING\r\n", 6) == 6 && read(fd, reply, 5) == 5 &&
              memcmp(reply, "+PONG", 5) == 0;
    close(fd);
    return ok;
}

static void
launch(void)
{
    child = fork();
    if (child == 0) {
        char socket_path[160];
        snprintf(socket_path, sizeof socket_path, "%s/redis.sock", folder);
        execlp("redis-server", "redis-server", CR_TEST_ROOT "/config/redis.conf", "--port", "0",
               "--unixsocket", socket_path, "--dir", folder, "--daemonize", "no", "--logfile",
               "redis.log", (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; tries < 1000; tries++) {
        if (answers())
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fprintf(stderr, "redis-server did not answer\n");
    abort();
}

const char *
redis_server_start(void)
{
    signal(SIGPIPE, SIG_IGN); /* as every program of Crier does */
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/crier-redis-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        abort();
    snprintf(url, sizeof url, "unix://%s/redis.sock", folder);
    launch();
    return url;
}

const char *
redis_server_folder(void)
{
    return folder;
}

void
redis_server_kill(void)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

void
redis_server_again(void)
{
    launch();
}

void
redis_server_freeze(bool frozen)
{
    kill(child, frozen ? SIGSTOP : SIGCONT);
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

void
redis_server_stop(void)
{
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
