/** Simulated time as a calendar date: the simulation begins with the Unix epoch. */

const DAYS_OF_MONTH: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `1970-01-01T00:00:07+0000`. @param seconds since the epoch, less than a year: simulated time ends after 104 days */
export function formatUtc(seconds: number): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  let day = Math.floor(seconds / 86400);
  let month = 0;
  while (day >= DAYS_OF_MONTH[month]!) day -= DAYS_OF_MONTH[month++]!;
  const s = Math.floor(seconds) % 86400;
  const clock = `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return `1970-${two(month + 1)}-${two(day + 1)}T${clock}+0000`;
}
