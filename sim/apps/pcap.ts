/**
 * `pcap`: the frames of a capture file, sent by an interface at the times of the capture (divided by `speed`) or at an even rate. A file
 * that is sent more than once begins anew one mean gap behind its last frame.
 */
import { BugError, LabError } from "../engine/errors.ts";
import type { Netdev } from "../net/netdev.ts";
import { type CapturedFrame, readCapture } from "./capture-file.ts";
import { FrameSender, FrameTraffic, sendingDevices } from "./frame-traffic.ts";
import { Pacer } from "./pacer.ts";
import { SendLoop } from "./send-loop.ts";
import type { PcapWorkload, Workload } from "./traffic.ts";

const ETH_HLEN = 14;

class Replay extends FrameSender {
  readonly loop: SendLoop;
  private readonly spec: PcapWorkload;
  private readonly frames: readonly CapturedFrame[];
  private readonly pacer: Pacer | null;
  /** Time from one pass through the file to the next, ns. */
  private readonly passNs: number;
  private index: number = 0;
  private pass: number = 0;

  constructor(dev: Netdev, spec: PcapWorkload, frames: readonly CapturedFrame[], traffic: number) {
    super(dev, traffic);
    this.spec = spec;
    this.frames = frames;
    this.pacer = spec.rate === null ? null : new Pacer(spec.rate, spec.startNs, null);
    const last = frames[frames.length - 1]!.atNs;
    this.passNs = frames.length > 1 ? last + last / (frames.length - 1) : 0;
    this.loop = new SendLoop(dev.host, this, spec.stopNs, Number.POSITIVE_INFINITY);
    this.loop.wakeAt(this.pacer === null ? this.timeNs() : this.pacer.firstNs(frames[0]!.bytes.length));
  }

  sendNext(): number {
    const { bytes } = this.frames[this.index]!;
    const skb = this.begin(bytes.length);
    if (skb !== null) {
      this.kernel.arena.u8.set(bytes, skb.data);
      this.finish(skb);
    }
    return this.next(bytes.length);
  }

  skip(): number {
    return this.next(this.frames[this.index]!.bytes.length);
  }

  /** Goes on to the next frame. @returns its time */
  private next(sentBytes: number): number {
    const at = this.pacer?.nextNs(sentBytes);
    this.index++;
    if (this.index === this.frames.length) {
      this.index = 0;
      this.pass++;
      if (this.pass >= this.spec.loop) return Number.POSITIVE_INFINITY;
    }
    return at ?? this.timeNs();
  }

  private timeNs(): number {
    const inFile = this.pass * this.passNs + this.frames[this.index]!.atNs;
    return this.spec.startNs + Math.floor(inFile / this.spec.speed);
  }
}

/** The record of the workload. */
export const pcap: Workload<PcapWorkload> = {
  type: "pcap",
  summary: "frames of a capture file, sent by an interface",
  start(kernel, plan) {
    const { spec, capture } = plan;
    if (capture === null) throw new BugError("TRAFFIC_CAPTURE", `traffic ${spec.name} has no capture`);
    const frames = readCapture(capture, spec.file);
    const short = frames.findIndex((f) => f.bytes.length < ETH_HLEN);
    if (short >= 0) {
      const message = `${spec.file}: frame ${short + 1} has ${frames[short]!.bytes.length} bytes; an Ethernet header has 14`;
      throw new LabError([{ code: "CAPTURE_FORMAT", message }]);
    }
    if (spec.loop > 1 && frames[frames.length - 1]!.atNs === 0 && spec.rate === null) {
      const message = `traffic ${spec.name}: ${spec.file} takes no time, so there is no gap to repeat it at`;
      throw new LabError([{ code: "CAPTURE_LOOP", message, fix: "give a rate" }]);
    }
    const devices = sendingDevices(spec.name, plan.from);
    const traffic = new FrameTraffic(kernel);
    traffic.setSenders(devices.map((dev) => new Replay(dev, spec, frames, traffic.number)));
    return traffic;
  },
};
