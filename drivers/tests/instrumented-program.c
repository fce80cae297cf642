/*
 * Listens on its socket and, once it gets SIGUSR1, does what the letters of its second word say: what instruments it must
 * see that.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static volatile int largest = INT_MAX;

__attribute__((noinline)) static void overflow_number(void)
{
	largest = largest + 1;
	largest = INT_MAX;
}

__attribute__((noinline)) static void write_behind(char *memory, size_t size)
{
	memory[size] = 1;
}

__attribute__((noinline)) static void unmap_all(void)
{
	syscall(SYS_munmap, NULL, (1ul << 47) - 4096);
}

int main(int count, char **words)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	sigset_t awaited;
	int got;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGUSR1);
	if (count != 3 || sigprocmask(SIG_BLOCK, &awaited, NULL) != 0)
		return 2;
	strncpy(address.sun_path, words[1], sizeof(address.sun_path) - 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		return 1;
	sigwait(&awaited, &got);
	char *memory = malloc(8);
	for (const char *letter = words[2]; *letter != '\0'; letter++) {
		if (*letter == 'n')
			overflow_number();
		if (*letter == 'b')
			write_behind(memory, 8);
		if (*letter == 'u')
			unmap_all();
		if (*letter == 'w')
			pause();
	}
	free(memory);
	return 0;
}
