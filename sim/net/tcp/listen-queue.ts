/** What a listening socket keeps: half-open connections by number, and whole ones in order. @source include/net/request_sock.h */
import type { TcpSock } from "./tcp-sock.ts";

/** struct request_sock_queue and sk_ack_backlog. */
export class ListenQueue {
  /** sk_max_ack_backlog: what listen asked for. */
  maxAckBacklog: number;
  /** Connections that wait to be accepted. */
  ackBacklog: number = 0;
  /** Half-open ones, and those of them whose SYN-ACK was never repeated. */
  qlen: number = 0;
  young: number = 0;
  /** The last SYN that found the queue full, jiffies; -1: none (tcp_synq_overflow). */
  synqOverflowStamp: number = -1;
  private head: TcpSock | null = null;
  private tail: TcpSock | null = null;

  constructor(maxAckBacklog: number) {
    this.maxAckBacklog = maxAckBacklog;
  }

  /** sk_acceptq_is_full. */
  get acceptqIsFull(): boolean {
    return this.ackBacklog > this.maxAckBacklog;
  }

  /** inet_csk_reqsk_queue_is_full. */
  get reqskQueueIsFull(): boolean {
    return this.qlen > this.maxAckBacklog;
  }

  push(sk: TcpSock): void {
    sk.acceptNext = null;
    if (this.tail === null) this.head = sk;
    else this.tail.acceptNext = sk;
    this.tail = sk;
    this.ackBacklog++;
  }

  shift(): TcpSock | null {
    const sk = this.head;
    if (sk === null) return null;
    this.head = sk.acceptNext;
    if (this.head === null) this.tail = null;
    sk.acceptNext = null;
    this.ackBacklog--;
    return sk;
  }
}
