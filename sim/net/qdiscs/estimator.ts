/**
 * The rate estimator of a qdisc or class: an exponentially weighted average of bytes and packets per second.
 * @source net/core/gen_estimator.c est_timer, gen_estimator_read; iproute2 tc/tc_estimator.c
 */

/** What `estimator INTERVAL TIME_CONSTANT` comes to (struct tc_estimator). */
export interface EstimatorSpec {
  /** Time between two samples: 2^interval seconds, -2 to 3. */
  readonly interval: number;
  /** A sample weighs 1/2^ewmaLog. */
  readonly ewmaLog: number;
}

/**
 * tc_setup_estimator: the interval in whole powers of two of a second, the time constant as a shift.
 * @param intervalUs time between two samples, µs
 * @param constantUs time constant of the average, µs
 * @returns null when the two do not fit together
 */
export function estimatorSpec(intervalUs: number, constantUs: number): EstimatorSpec | null {
  let interval = 0;
  while (interval <= 5 && intervalUs > 2 ** interval * 250_000) interval++;
  if (interval > 5) return null;
  let ewmaLog = 1;
  // a weight of 1/2^n forgets with the time constant -1/ln(1 - 2^-n) samples; table instead of Math.log, whose last bit may differ
  while (ewmaLog < 32 && intervalUs * samplesOf(ewmaLog) <= constantUs) ewmaLog++;
  ewmaLog--;
  return ewmaLog === 0 || ewmaLog >= 31 ? null : { interval: interval - 2, ewmaLog };
}

/** -1/ln(1 - 2^-n), by its series 2^n - 1/2 - 2^-n/12 - 2^-2n/24 - 19*2^-3n/720 - 3*2^-4n/160 - ... */
function samplesOf(n: number): number {
  if (n === 1) return Math.LOG2E;
  if (n === 2) return 3.4760594967822072;
  const x = 2 ** -n;
  return 1 / x - 1 / 2 - x / 12 - (x * x) / 24 - (19 * x * x * x) / 720 - (3 * x * x * x * x) / 160;
}

/**
 * The running average. It is brought up to date when the counters are about to change or are read, with the samples that the kernel's
 * timer would have taken since: nothing changes between two calls, so the result is the same and no timer keeps a simulation awake.
 */
export class RateEstimator {
  private readonly intervalLog: number;
  private readonly ewmaLog: number;
  private readonly stepNs: number;
  private nextNs: number;
  private lastBytes: number;
  private lastPackets: number;
  /** Scaled by 2^8. */
  private avBytes: number = 0;
  private avPackets: number = 0;

  constructor(spec: EstimatorSpec, nowNs: number, bytes: number, packets: number) {
    this.intervalLog = spec.interval + 2;
    this.ewmaLog = spec.ewmaLog;
    this.stepNs = 250_000_000 * 2 ** this.intervalLog;
    this.nextNs = nowNs + this.stepNs;
    this.lastBytes = bytes;
    this.lastPackets = packets;
  }

  /** Bytes per second. */
  get bytesPerSec(): number {
    return Math.floor(this.avBytes / 256);
  }

  get packetsPerSec(): number {
    return Math.floor(this.avPackets / 256);
  }

  /** Takes the samples that are due. @param bytes @param packets the counters as they have been since the last call */
  advance(nowNs: number, bytes: number, packets: number): void {
    if (nowNs < this.nextNs) return;
    const scale = 2 ** (10 - this.intervalLog);
    const weight = 2 ** this.ewmaLog;
    while (this.nextNs <= nowNs) {
      const byteRate = (bytes - this.lastBytes) * scale;
      const packetRate = (packets - this.lastPackets) * scale;
      this.avBytes += Math.floor(byteRate / weight) - Math.floor(this.avBytes / weight);
      this.avPackets += Math.floor(packetRate / weight) - Math.floor(this.avPackets / weight);
      this.lastBytes = bytes;
      this.lastPackets = packets;
      this.nextNs += this.stepNs;
      if (this.avBytes < weight && this.avPackets < weight && this.nextNs <= nowNs) {
        // nothing decays any further
        this.nextNs += Math.floor((nowNs - this.nextNs) / this.stepNs) * this.stepNs;
      }
    }
  }
}
