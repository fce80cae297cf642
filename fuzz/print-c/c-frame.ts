/** What each printed C program has ahead of its steps: C of its own, that needs nothing but Linux and its C library. */
export const frame = String.raw`#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))
#define ANSWER_MS 5000
#define STEP_MS 1000
#ifdef QUIET
#define say(...) ((void)sizeof(printf(__VA_ARGS__)))
#define look_again() sched_yield()
#else
#define say(...) printf(__VA_ARGS__)
#define look_again() usleep(200)
#endif

static const char *socket_path;
static int thing[THINGS];          /* descriptors that are passed or signalled */
static unsigned char *memory[THINGS]; /* of files: their mapping */
static int session[SESSIONS];
static pid_t changing[CHANGES];
static int unanswered;

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

MAYBE_UNUSED static void make_file(int number, long size)
{
	thing[number] = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (thing[number] < 0 || ftruncate(thing[number], size) < 0)
		fail("memfd_create");
	if (fcntl(thing[number], F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		fail("F_ADD_SEALS");
	if (size == 0)
		return;
	memory[number] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, thing[number], 0);
	if (memory[number] == MAP_FAILED)
		fail("mmap");
}

MAYBE_UNUSED static void make_eventfd(int number)
{
	thing[number] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (thing[number] < 0)
		fail("eventfd");
}

MAYBE_UNUSED static void make_null_device(int number)
{
	thing[number] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (thing[number] < 0)
		fail("/dev/null");
}

MAYBE_UNUSED static void make_pipe(int number)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		fail("pipe2");
	thing[number] = ends[0];
}

/* The other end is left alone: requests of the back-end wait in it. */
MAYBE_UNUSED static void make_socket(int number)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		fail("socketpair");
	thing[number] = ends[0];
}

static int connected(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	strncpy(address.sun_path, socket_path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

MAYBE_UNUSED static void open_session(int number)
{
	session[number] = connected();
	if (session[number] >= 0)
		return;
	say("session %d: no connection: %s\n", number, strerror(errno));
	if (number == 0)
		exit(2);
}

MAYBE_UNUSED static void close_session(int number)
{
	if (session[number] >= 0)
		close(session[number]);
	session[number] = -1;
}

/* What is behind the given bytes, up to length, is zero. */
MAYBE_UNUSED static void send_bytes(int number, const char *bytes, size_t given, size_t length, const int *passed, int count)
{
	char control[CMSG_SPACE(sizeof(int) * 253)] = { 0 };
	char *whole = calloc(1, length + 1);
	struct iovec part = { .iov_base = whole, .iov_len = length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header = (struct cmsghdr *)control;
	int descriptors[253];

	if (whole == NULL)
		fail("calloc");
	memcpy(whole, bytes, given);
	for (int n = 0; n < count; n++)
		descriptors[n] = thing[passed[n]];
	if (count > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
	}
	while (session[number] >= 0 && part.iov_len > 0) {
		ssize_t sent = sendmsg(session[number], &message, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			say("session %d: not sent: %s\n", number, strerror(errno));
			close_session(number);
			break;
		}
		part.iov_base = (char *)part.iov_base + sent;
		part.iov_len -= sent;
		message.msg_control = NULL;
		message.msg_controllen = 0;
	}
	free(whole);
}

/* Reads so many bytes, and prints the first of them. 0 where they did not come. */
MAYBE_UNUSED static int receive_bytes(int number, size_t length, int within_ms)
{
	long until = now_ms() + within_ms;
	unsigned char bytes[4096];
	size_t came = 0;

	while (session[number] >= 0 && came < length) {
		struct pollfd ready = { .fd = session[number], .events = POLLIN };
		long left = until - now_ms();
		size_t room = length - came < sizeof(bytes) ? length - came : sizeof(bytes);
		ssize_t received;

		if (left <= 0 || poll(&ready, 1, (int)left) == 0) {
			say("session %d: %zu of %zu bytes came within %d ms\n", number, came, length, within_ms);
			return 0;
		}
		received = recv(session[number], bytes, room, 0);
		if (received <= 0) {
			say("session %d: closed by the back-end behind %zu of %zu bytes\n", number, came, length);
			close_session(number);
			return 0;
		}
		say("session %d:", number);
		for (ssize_t n = 0; n < received && n < 64; n++)
			say(" %02x", bytes[n]);
		say("%s\n", received > 64 ? " ..." : "");
		came += received;
	}
	return came == length;
}

MAYBE_UNUSED static void receive(int number, size_t length)
{
	if (!receive_bytes(number, length, STEP_MS))
		unanswered++;
}

MAYBE_UNUSED static void shut_session(int number, int how)
{
	if (session[number] >= 0)
		shutdown(session[number], how);
}

/* What is behind the given bytes, up to length, is zero. */
MAYBE_UNUSED static void store(int number, size_t offset, const char *bytes, size_t given, size_t length)
{
	memcpy(memory[number] + offset, bytes, given);
	memset(memory[number] + offset + given, 0, length - given);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

MAYBE_UNUSED static void signal_thing(int number, uint64_t value)
{
	if (write(thing[number], &value, sizeof(value)) < 0)
		say("eventfd %d: not signalled: %s\n", number, strerror(errno));
}

static uint16_t word_at(int number, size_t offset)
{
	unsigned char *at = memory[number] + offset;

	return __atomic_load_n(&at[0], __ATOMIC_ACQUIRE) | (uint16_t)(__atomic_load_n(&at[1], __ATOMIC_ACQUIRE) << 8);
}

/* Waits until an index has come to a value or beyond it, or until flags have a value. */
MAYBE_UNUSED static void await_used(int number, size_t offset, uint16_t value, int is_index)
{
	long until = now_ms() + STEP_MS;

	for (;;) {
		uint16_t now = word_at(number, offset);

		if (is_index ? (int16_t)(now - value) >= 0 : now == value)
			break;
		if (now_ms() >= until) {
			unanswered++;
			break;
		}
		look_again();
	}
	say("used: %u%s\n", word_at(number, offset), word_at(number, offset) == value ? "" : ", which is not what it was");
}

/* Waits until an index, which wraps, has moved beyond the given one. */
MAYBE_UNUSED static int is_moved(int number, size_t offset, uint16_t from)
{
	long until = now_ms() + ANSWER_MS;

	while ((int16_t)(word_at(number, offset) - from) <= 0) {
		if (now_ms() >= until)
			return 0;
		look_again();
	}
	return 1;
}

MAYBE_UNUSED static void change(int place, int number, size_t offset, const char *patterns, size_t length, int count, long period_ns)
{
	changing[place] = fork();
	if (changing[place] < 0)
		fail("fork");
	if (changing[place] > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int n = 0;; n = (n + 1) % count) {
		struct timespec period = { .tv_sec = period_ns / 1000000000L, .tv_nsec = period_ns % 1000000000L };

		memcpy(memory[number] + offset, patterns + n * length, length);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (period_ns > 0)
			nanosleep(&period, NULL);
	}
}

MAYBE_UNUSED static void settle(int place)
{
	if (changing[place] > 0) {
		kill(changing[place], SIGKILL);
		waitpid(changing[place], NULL, 0);
	}
	changing[place] = 0;
}

/* Whether a session answers VHOST_USER_GET_FEATURES. */
MAYBE_UNUSED MAYBE_UNUSED static int is_answered(int number)
{
	static const char get_features[12] = "\x01\x00\x00\x00\x01\x00\x00\x00";

	if (session[number] < 0)
		return 0;
	send_bytes(number, get_features, sizeof(get_features), sizeof(get_features), NULL, 0);
	return receive_bytes(number, 20, ANSWER_MS);
}
`;
