/** `packets`: frames made from a template, sent by an interface at even or exponential gaps, as pktgen does. */
import type { RandomStream } from "../engine/streams.ts";
import type { Netdev } from "../net/netdev.ts";
import { FrameTemplate } from "./frame-template.ts";
import { FrameSender, FrameTraffic, sendingDevices } from "./frame-traffic.ts";
import { Pacer } from "./pacer.ts";
import { SendLoop } from "./send-loop.ts";
import { parseTemplate } from "./template.ts";
import type { PacketsWorkload, Workload } from "./traffic.ts";

class Generator extends FrameSender {
  readonly loop: SendLoop;
  private readonly template: FrameTemplate;
  private readonly pacer: Pacer;

  constructor(dev: Netdev, spec: PacketsWorkload, traffic: number, index: number, senders: number) {
    super(dev, traffic);
    const stream = (what: string): RandomStream =>
      this.kernel.streams.stream(`traffic ${spec.name} ${dev.label} ${what}`);
    const parsed = parseTemplate(spec.template, dev, spec.sizeBytes, spec.name);
    this.template = new FrameTemplate(parsed, spec.order === "random" ? stream("fields") : null);
    const even = new Pacer(spec.rate, spec.startNs, null);
    const shift = (even.gapNs(parsed.size.first) * index) / senders;
    this.pacer = spec.poisson
      ? new Pacer(spec.rate, spec.startNs, stream("gaps"))
      : new Pacer(spec.rate, spec.startNs + shift, null);
    this.loop = new SendLoop(dev.host, this, spec.stopNs, spec.packets);
    this.loop.wakeAt(this.pacer.firstNs(parsed.size.first));
  }

  sendNext(): number {
    const len = this.template.sizeOf(this.sent);
    const skb = this.begin(len);
    if (skb !== null) {
      this.template.write(this.sent, this.kernel.arena, skb.data, len);
      this.finish(skb);
    }
    return this.pacer.nextNs(len);
  }

  skip(): number {
    return this.pacer.nextNs(this.template.sizeOf(this.sent));
  }
}

/** The record of the workload. */
export const packets: Workload<PacketsWorkload> = {
  type: "packets",
  summary: "frames made from a template, sent by an interface",
  start(kernel, plan) {
    const { spec } = plan;
    const devices = sendingDevices(spec.name, plan.from);
    const traffic = new FrameTraffic(kernel);
    traffic.setSenders(devices.map((dev, i) => new Generator(dev, spec, traffic.number, i, devices.length)));
    return traffic;
  },
};
