/** ping's counters and its last lines. @source iputils ping/ping_common.c gather_statistics, finish */

/** Counters of one run; times in µs as ping keeps them. */
export class PingStatistics {
  transmitted: number = 0;
  received: number = 0;
  duplicates: number = 0;
  errors: number = 0;
  private pipe: number = 0;
  private minUs: number = Number.POSITIVE_INFINITY;
  private maxUs: number = 0;
  private sumUs: number = 0;
  private sumSquares: number = 0;

  /** A round-trip time. */
  addRtt(us: number): void {
    this.minUs = Math.min(this.minUs, us);
    this.maxUs = Math.max(this.maxUs, us);
    this.sumUs += us;
    this.sumSquares += us * us;
  }

  get longestUs(): number {
    return this.maxUs;
  }

  /** Something came back for a request: how many were under way. @param seq from 1 */
  acknowledge(seq: number): void {
    const outstanding = (this.transmitted - seq) & 0xffff;
    if (outstanding <= 0x7fff) this.pipe = Math.max(this.pipe, outstanding + 1);
  }

  /** @param timed round-trip times were measured. @unit spanMs: from the beginning to the last request */
  summary(name: string, spanMs: number, timed: boolean): string {
    let out = `\n--- ${name} ping statistics ---\n${this.transmitted} packets transmitted, ${this.received} received`;
    if (this.duplicates > 0) out += `, +${this.duplicates} duplicates`;
    if (this.errors > 0) out += `, +${this.errors} errors`;
    if (this.transmitted > 0) out += `, ${this.lossText()}% packet loss, time ${spanMs}ms`;
    out += "\n";
    let comma = "";
    if (this.received > 0 && timed) {
      const total = this.received + this.duplicates;
      const avg = Math.floor(this.sumUs / total);
      const mdev = Math.floor(Math.sqrt(Math.max(0, Math.floor(this.sumSquares / total) - avg * avg)));
      out += `rtt min/avg/max/mdev = ${ms3(this.minUs)}/${ms3(avg)}/${ms3(this.maxUs)}/${ms3(mdev)} ms`;
      comma = ", ";
    }
    if (this.pipe > 1) out += `${comma}pipe ${this.pipe}`;
    return `${out}\n`;
  }

  /** %g of a float. */
  private lossText(): string {
    const percent = Math.fround(((this.transmitted - this.received) * 100) / this.transmitted);
    return String(Number(percent.toPrecision(6)));
  }
}

/** `0.922` */
function ms3(us: number): string {
  return `${Math.floor(us / 1000)}.${String(us % 1000).padStart(3, "0")}`;
}

/** ` time=0.922 ms`, with three digits that count. */
export function rttText(us: number): string {
  if (us >= 100000 - 50) return ` time=${Math.floor((us + 500) / 1000)} ms`;
  if (us >= 10000 - 5) return ` time=${Math.floor((us + 50) / 1000)}.${Math.floor(((us + 50) % 1000) / 100)} ms`;
  if (us >= 1000) {
    return ` time=${Math.floor((us + 5) / 1000)}.${String(Math.floor(((us + 5) % 1000) / 10)).padStart(2, "0")} ms`;
  }
  return ` time=${ms3(us)} ms`;
}
