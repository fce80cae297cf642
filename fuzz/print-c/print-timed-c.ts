import { frame } from './c-frame.ts';
import { changesOf, made, statements } from './print-c.ts';
import type { Recording, Step } from './recording.ts';

/**
 * A C program that does what was recorded, one recording after another, to the back-end that listens at the path which is
 * its first argument, as often as its second one says. It prints the nanoseconds that one recording took. At the first one
 * in which an answer or a used element does not come it ends, and prints its place below. Further arguments are the places
 * of those that are left out.
 */
export function printTimedC(recordings: readonly Recording[]): string {
  const most = (count: (recording: Recording) => number): number => Math.max(1, ...recordings.map(count));
  const sizes = {
    THINGS: most(({ things }) => things.length),
    SESSIONS: most(({ sessions }) => sessions),
    CHANGES: most(({ steps }) => changesOf(steps).size),
  };
  return [
    '#define QUIET',
    ...Object.entries(sizes).map(([name, size]) => `#define ${name} ${size}`),
    frame,
    dropThings,
    ...recordings.flatMap((recording, number) => timedProgram(recording, number)),
    'static void (*const programs[])(void) = {',
    ...recordings.map((_, number) => `\tprogram_${number},`),
    '};',
    '',
    main(recordings.length),
  ].join('\n');
}

function timedProgram({ things, steps }: Recording, number: number): string[] {
  const changes = changesOf(steps);
  const said = steps.filter(({ kind }: Step) => kind !== 'note');
  return [
    `static void program_${number}(void)`,
    '{',
    ...things.map((thing, place) => `\t${made(thing, place)}`),
    ...said.flatMap((step) => statements(step, changes)),
    ...[...changes.values()].map((place) => `\tsettle(${place});`),
    ...things.map((thing, place) => `\tdrop_thing(${place}, ${thing.kind === 'file' ? thing.size : 0});`),
    '}',
    '',
  ];
}

const dropThings = `static void drop_thing(int number, long size)
{
	if (size > 0)
		munmap(memory[number], size);
	close(thing[number]);
}
`;

const main = (programs: number): string => String.raw`static void run(int number)
{
	programs[number]();
	for (int open = 0; open < SESSIONS; open++)
		close_session(open);
}

int main(int argc, char **argv)
{
	static char left_out[${programs}];
	struct timespec from, to;
	int times, kept = ${programs}, lacking = -1;

	if (argc < 3)
		return 2;
	for (int place = 3; place < argc; place++) {
		int number = atoi(argv[place]);
		if (number < 0 || number >= ${programs} || left_out[number])
			return 2;
		left_out[number] = 1;
		kept--;
	}
	socket_path = argv[1];
	times = atoi(argv[2]);
	for (int number = 0; number < SESSIONS; number++)
		session[number] = -1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int time = 0; time < times && lacking < 0; time++) {
		for (int number = 0; number < ${programs} && lacking < 0; number++) {
			if (left_out[number])
				continue;
			unanswered = 0;
			run(number);
			if (unanswered > 0)
				lacking = number;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%f\n", ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / times / kept);
	if (lacking >= 0)
		printf("%d\n", lacking);
	return 0;
}
`;
