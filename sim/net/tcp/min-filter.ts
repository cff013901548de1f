/**
 * The smallest value of a time window, by three samples.
 * @source lib/win_minmax.c minmax_running_min, minmax_subwin_update
 */
export class MinFilter {
  private readonly t: Float64Array = new Float64Array(3);
  private readonly v: Float64Array = new Float64Array(3).fill(0xffffffff);

  /** minmax_reset. */
  reset(t: number, value: number): number {
    this.t.fill(t);
    this.v.fill(value);
    return value;
  }

  get(): number {
    return this.v[0]!;
  }

  /** Takes a sample. @unit win and t: the same @returns the smallest of the window */
  running(win: number, t: number, value: number): number {
    const v = this.v;
    if (value <= v[0]! || t - this.t[2]! > win) return this.reset(t, value);
    if (value <= v[1]!) {
      this.put(1, t, value);
      this.put(2, t, value);
    } else if (value <= v[2]!) this.put(2, t, value);
    return this.subwin(win, t, value);
  }

  private subwin(win: number, t: number, value: number): number {
    const dt = t - this.t[0]!;
    if (dt > win) {
      this.move(0, 1);
      this.move(1, 2);
      this.put(2, t, value);
      if (t - this.t[0]! > win) {
        this.move(0, 1);
        this.move(1, 2);
        this.put(2, t, value);
      }
    } else if (this.t[1] === this.t[0] && dt > Math.floor(win / 4)) {
      this.put(1, t, value);
      this.put(2, t, value);
    } else if (this.t[2] === this.t[1] && dt > Math.floor(win / 2)) this.put(2, t, value);
    return this.v[0]!;
  }

  private put(i: number, t: number, value: number): void {
    this.t[i] = t;
    this.v[i] = value;
  }

  private move(to: number, from: number): void {
    this.put(to, this.t[from]!, this.v[from]!);
  }
}
