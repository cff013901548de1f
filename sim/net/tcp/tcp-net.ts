/** TCP of one host: tables, secrets and what is bound to them once (struct netns_ipv4's part, tcp_hashinfo). */
import type { EventKind } from "../../engine/engine.ts";
import type { Family } from "../ip/address.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import type { RateSample } from "./cong/ca.ts";
import { EhashTable } from "./ehash.ts";
import { PortTable } from "./port-table.ts";
import type { RequestSock } from "./request-sock.ts";
import type { TcpSock } from "./tcp-sock.ts";
import type { TimeWaitSock } from "./time-wait-sock.ts";

/** Event kinds, one set per simulation. The argument of `timer` is the number of the timer, TIMER_*. */
export interface TcpEvents {
  readonly timer: EventKind<TcpSock>;
  readonly request: EventKind<RequestSock>;
  readonly timeWait: EventKind<TimeWaitSock>;
  /** Tells the application at the end of an instant what is new. */
  readonly wake: EventKind<TcpSock>;
  /** tcp_tsq_handler: sending goes on. */
  readonly tsq: EventKind<TcpSock>;
}

/** TCP of one host. */
export class TcpNet {
  readonly stack: IpStack;
  readonly events: TcpEvents;
  readonly ehash: EhashTable;
  readonly ports: PortTable;
  /** Makes the socket of a connection that came in: the class that applications use. */
  readonly create: (net: TcpNet, family: Family) => TcpSock;
  /** Sockets in TIME_WAIT. */
  twCount: number = 0;
  /** Where connect begins to look for a port (table_perturb). */
  connectOffset: number = 0;
  /** The sample of the ACK in work. */
  readonly rs: RateSample = newRateSample();
  /** Seeds of initial sequence numbers, timestamp offsets and port offsets. */
  readonly isnKey: number;
  readonly tsKey: number;
  readonly portKey: number;

  constructor(stack: IpStack, events: TcpEvents, create: (net: TcpNet, family: Family) => TcpSock) {
    const random = stack.kernel.streams.stream(`host ${stack.host.name} tcp`);
    this.stack = stack;
    this.events = events;
    this.create = create;
    this.isnKey = random.u32() | 0;
    this.tsKey = random.u32() | 0;
    this.portKey = random.u32() | 0;
    this.ehash = new EhashTable(random.u32() | 0);
    this.ports = new PortTable(stack);
  }
}

function newRateSample(): RateSample {
  return {
    priorMstamp: 0,
    priorDelivered: 0,
    priorDeliveredCe: 0,
    delivered: 0,
    deliveredCe: 0,
    intervalUs: 0,
    sndIntervalUs: 0,
    rcvIntervalUs: 0,
    rttUs: -1,
    losses: 0,
    ackedSacked: 0,
    priorInFlight: 0,
    lastEndSeq: 0,
    isAppLimited: false,
    isRetrans: false,
    isAckDelayed: false,
  };
}
