import type { Socket } from "node:net";
import type { SocketReader } from "../acceptor.ts";
import { clientAddress, connectionEnds, serverNameOf } from "../client-socket.ts";
import type { ClientHost, Door, OpenConnection } from "../client-host.ts";
import type { ClientLink, LinkedStream, StreamPlace } from "./client-link.ts";
import { ClientStream } from "./client-stream.ts";
import { ClientSettings } from "./client-settings.ts";
import { FrameReader, type Frame, type FrameSink } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { Patience } from "./patience.ts";
import { CODE, FLAG, FRAME, FRAME_BYTES, INITIAL_WINDOW, SETTING } from "./protocol.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Preface } from "./preface.ts";
import { areTrailers } from "./request-fields.ts";
import { SendTurns } from "./send-turns.ts";
import { SessionEnd } from "./session-end.ts";
import { SendWindow } from "./send-window.ts";

const NOTHING = Buffer.alloc(0);
/** Acknowledgements (of PING and SETTINGS) that may wait to be written. */
const ACKS_WAITING_MAX = 1_000;

/** `ending`: GOAWAY has been said with the last stream that is served. */
type Phase = "preface" | "settings" | "open" | "ending" | "closed";

/**
 * One client's HTTP/2 connection (RFC 9113), from its frames up: with node:http2 every request costs a stream object with all its events, more
 * than the rest of the proxy together (docs/adr/0007-processor-time.md). Limits after docs/architecture.md.
 */
export class ClientSession implements OpenConnection, ClientLink, FrameSink, SocketReader {
  slot = -1;
  readonly isStreaming = false;
  readonly keepsInput = false;
  readonly writer: FrameWriter;
  /** What the client lets us send, over all streams. */
  readonly window = new SendWindow(INITIAL_WINDOW);
  readonly #socket: Socket;
  readonly #host: ClientHost;
  readonly #place: StreamPlace;
  readonly #reader = new FrameReader();
  readonly #blocks: HeaderBlocks;
  readonly #settings = new ClientSettings();
  readonly #received: ReceiveWindow;
  readonly #patience = new Patience();
  readonly #streams = new Map<number, ClientStream>();
  readonly #turns: SendTurns;
  readonly #end: SessionEnd;
  #phase: Phase = "preface";
  readonly #preface = new Preface();
  #lastStream = 0;
  #settingsAcknowledged = false;
  #acksWaiting = 0;
  #movedAt = Date.now();
  /** A frame or a header block is being waited for since then; 0 for none. */
  #withinSince = 0;
  /** It has sent a request: it may wait longer with the next one than a new one with its first. */
  #asked = false;

  constructor(socket: Socket, door: Door, host: ClientHost) {
    this.#socket = socket;
    this.#host = host;
    const { http2StreamsMax, headersMax, headBytesMax, http2StreamWindow, http2ConnectionWindow } = host.limits;
    this.#blocks = new HeaderBlocks({ listBytesMax: headBytesMax, fieldsMax: headersMax });
    this.#received = new ReceiveWindow(http2ConnectionWindow);
    this.writer = new FrameWriter(socket, { secure: door.secure, frameBytesMax: FRAME_BYTES }, () => {
      this.#acksWaiting = 0;
      this.#turns.onWritten();
    });
    this.#turns = new SendTurns(this.writer, this.window);
    this.#end = new SessionEnd(this.writer, host.limits);
    this.#place = {
      host,
      door,
      remoteAddress: clientAddress(socket),
      ends: connectionEnds(socket),
      serverName: serverNameOf(socket),
      link: this,
      settings: this.#settings,
    };
    this.writer.settings([
      [SETTING.maxConcurrentStreams, http2StreamsMax],
      [SETTING.initialWindowSize, http2StreamWindow],
      [SETTING.maxHeaderListSize, headBytesMax],
    ]);
    this.writer.windowUpdate(0, http2ConnectionWindow - INITIAL_WINDOW);
    socket.on("drain", () => {
      this.#turns.pump();
    });
    socket.on("error", () => undefined);
    // Who has closed its side cannot acknowledge anything any more: what waits here is not waited for.
    socket.on("end", () => {
      socket.destroy();
    });
    socket.on("close", () => {
      this.#onClose();
    });
  }

  /** Takes what the socket has read. `lent`: the data is only good for the length of the call. */
  onData(data: Buffer, lent: boolean): void {
    if (this.#phase === "closed") return;
    const frames = this.#phase === "preface" ? this.#afterPreface(data) : data;
    if (frames.length > 0) this.#reader.take(frames, lent, this);
    const isWithin = this.#reader.isWithin || this.#blocks.isWithin;
    this.#withinSince = isWithin ? this.#withinSince || Date.now() : 0;
  }

  #afterPreface(data: Buffer): Buffer {
    const rest = this.#preface.take(data);
    if (rest === null) this.fail(CODE.protocol);
    else if (this.#preface.isWhole) this.#phase = "settings";
    return rest ?? NOTHING;
  }

  // --- frames ---

  onFrame(frame: Frame): boolean {
    const { type } = frame;
    if (this.#blocks.isWithin !== (type === FRAME.continuation)) this.fail(CODE.protocol);
    else if (this.#phase === "settings" && (type !== FRAME.settings || (frame.flags & FLAG.ack) !== 0)) this.fail(CODE.protocol);
    else this.#take(frame);
    return this.#phase !== "closed";
  }

  onFrameTooLong(): void {
    this.fail(CODE.frameSize);
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case FRAME.data:
        this.#takeData(frame);
        return;
      case FRAME.headers:
      case FRAME.continuation:
        this.#takeBlock(frame);
        return;
      case FRAME.priority:
        if (frame.payload.length !== 5 || frame.stream === 0) this.fail(CODE.frameSize);
        return;
      case FRAME.reset:
        this.#takeReset(frame);
        return;
      case FRAME.settings:
        this.#takeSettings(frame);
        return;
      case FRAME.push:
        this.fail(CODE.protocol);
        return;
      case FRAME.ping:
        this.#takePing(frame);
        return;
      case FRAME.goaway:
        if (frame.stream !== 0 || frame.payload.length < 8) this.fail(CODE.protocol);
        else if (this.#streams.size === 0) this.close();
        return;
      case FRAME.windowUpdate:
        this.#takeWindowUpdate(frame);
        return;
      default:
        // What is not known is nothing to us (RFC 9113 section 5.5).
        this.#spendPatience();
    }
  }

  #takeData({ flags, stream: number, payload, lent }: Frame): void {
    if (number === 0 || number > this.#lastStream) {
      this.fail(CODE.protocol);
      return;
    }
    if (!this.#received.receive(payload.length)) {
      this.fail(CODE.flowControl);
      return;
    }
    // Each stream has a window of its own; that of the connection must not let one of them hold up the others.
    const opened = this.#received.use(payload.length);
    if (opened > 0) this.writer.windowUpdate(0, opened);
    const padding = (flags & FLAG.padded) === 0 ? 0 : 1 + (payload[0] ?? 0);
    if (padding > payload.length) {
      this.fail(CODE.protocol);
      return;
    }
    const endStream = (flags & FLAG.endStream) !== 0;
    if (payload.length === padding && !endStream && !this.#spendPatience()) return;
    this.#movedAt = Date.now();
    const data = padding === 0 ? payload : payload.subarray(1, payload.length - padding + 1);
    this.#streams.get(number)?.onData(lent ? Buffer.from(data) : data, padding, endStream);
  }

  #takeBlock(frame: Frame): void {
    const block = this.#blocks.take(frame);
    if (typeof block === "number") this.fail(block);
    if (block === null || typeof block === "number") return;
    const { stream: number, endStream, list } = block;
    const stream = this.#streams.get(number);
    if (stream !== undefined) {
      if (areTrailers(list.fields) && endStream) stream.onTrailers(list.fields);
      else this.resetByMistake(stream);
    } else if (number % 2 === 0) this.fail(CODE.protocol);
    else if (number > this.#lastStream) this.#open(number, block);
    // Of a stream that has ended here while this was on its way.
    else this.#spendPatience();
  }

  #open(number: number, { list, endStream }: { list: { fields: string[]; tooLong: boolean }; endStream: boolean }): void {
    if (this.#phase === "ending") {
      this.writer.reset(number, CODE.refused);
      return;
    }
    this.#lastStream = number;
    if (this.#streams.size >= this.#host.limits.http2StreamsMax) {
      // Who does not know our settings yet may send it again (RFC 9113 section 5.1.2).
      if (this.#settingsAcknowledged) this.fail(CODE.protocol);
      else this.writer.reset(number, CODE.refused);
      return;
    }
    this.#movedAt = Date.now();
    this.#asked = true;
    const stream = new ClientStream(number, this.#place);
    this.#streams.set(number, stream);
    stream.start(list, endStream);
  }

  #takeReset({ stream: number, payload }: Frame): void {
    if (payload.length !== 4) this.fail(CODE.frameSize);
    else if (number === 0 || number > this.#lastStream) this.fail(CODE.protocol);
    else {
      const stream = this.#streams.get(number);
      if (stream === undefined || !this.#spendPatience()) return;
      this.forget(stream);
      stream.onGone();
    }
  }

  #takeSettings({ flags, stream, payload }: Frame): void {
    if (stream !== 0) this.fail(CODE.protocol);
    else if ((flags & FLAG.ack) !== 0) {
      if (payload.length > 0) this.fail(CODE.frameSize);
      this.#settingsAcknowledged = true;
    } else this.#applySettings(payload);
  }

  #applySettings(payload: Buffer): void {
    const before = this.#settings.initialWindow;
    const problem = this.#settings.apply(payload);
    if (problem !== null) {
      this.fail(problem);
      return;
    }
    if (this.#phase === "settings") this.#phase = "open";
    this.writer.frameBytesMax = this.#settings.frameBytesMax;
    const change = this.#settings.initialWindow - before;
    for (const stream of this.#streams.values())
      if (!stream.window.open(change)) {
        this.fail(CODE.flowControl);
        return;
      }
    this.#acknowledge(() => {
      this.writer.settingsAck();
    });
    if (change > 0) for (const stream of this.#streams.values()) stream.send();
  }

  #takePing({ flags, stream, payload }: Frame): void {
    if (stream !== 0) this.fail(CODE.protocol);
    else if (payload.length !== 8) this.fail(CODE.frameSize);
    else if ((flags & FLAG.ack) === 0)
      this.#acknowledge(() => {
        this.writer.ping(payload.toString("latin1"), FLAG.ack);
      });
    else if (this.#end.isSeen(payload.toString("latin1"))) this.#sayLast();
  }

  #takeWindowUpdate({ stream: number, payload }: Frame): void {
    if (payload.length !== 4) {
      this.fail(CODE.frameSize);
      return;
    }
    const bytes = payload.readUInt32BE() & 0x7fffffff;
    if (number === 0) {
      if (bytes === 0 || !this.window.open(bytes)) this.fail(bytes === 0 ? CODE.protocol : CODE.flowControl);
      else this.#turns.pump();
      return;
    }
    if (number > this.#lastStream) this.fail(CODE.protocol);
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    if (bytes === 0 || !stream.window.open(bytes)) this.resetByMistake(stream, bytes === 0 ? CODE.protocol : CODE.flowControl);
    else stream.send();
  }

  #acknowledge(write: () => void): void {
    this.#acksWaiting += 1;
    if (this.#acksWaiting > ACKS_WAITING_MAX) this.fail(CODE.enhanceYourCalm);
    else write();
  }

  /** False when the connection has ended over it. */
  #spendPatience(): boolean {
    if (this.#patience.take(Date.now())) return true;
    this.fail(CODE.enhanceYourCalm);
    return false;
  }

  // --- what streams ask for ---

  /** The client has made a mistake on it (RFC 9113 section 5.4.2). */
  resetByMistake(stream: LinkedStream, code: number = CODE.protocol): void {
    if (!this.#spendPatience()) return;
    this.writer.reset(stream.number, code);
    this.forget(stream);
    stream.onGone();
  }

  wait(stream: LinkedStream): void {
    this.#turns.wait(stream);
  }

  noteClogged(stream: LinkedStream): void {
    this.#turns.noteClogged(stream);
  }

  get hasWaiting(): boolean {
    return this.#turns.hasWaiting;
  }

  noteUnwritten(stream: LinkedStream): void {
    this.#turns.noteUnwritten(stream);
  }

  /** Over. */
  forget(stream: LinkedStream): void {
    this.#movedAt = Date.now();
    this.#streams.delete(stream.number);
    if (this.#phase === "ending" && this.#streams.size === 0) this.#end.finish();
  }

  // --- the worker's timer and end ---

  sweep(now: number): void {
    for (const stream of this.#streams.values()) stream.sweep(now);
    for (const stream of this.#turns.unwritten) if (stream.isOver) stream.sweep(now);
    const idleMs = now - this.#movedAt;
    if (this.#end.isFinished) {
      if (this.#end.isLeftOpen(now)) this.#socket.destroy();
    } else if (this.#end.isOverdue(now)) this.#sayLast();
    else if (this.#withinSince > 0 && now - this.#withinSince > this.#host.limits.headTimeoutMs) this.fail(CODE.enhanceYourCalm);
    else if (this.#end.isDraining ? this.#isLull(now) : this.#streams.size === 0 && idleMs > this.#idleMs()) this.close();
  }

  #idleMs(): number {
    const { clientKeepAliveMs, headTimeoutMs } = this.#host.limits;
    return this.#asked ? clientKeepAliveMs : headTimeoutMs;
  }

  #isLull(now: number): boolean {
    return this.#end.isLull(now, { isIdle: this.#streams.size === 0, movedAt: this.#movedAt });
  }

  drain(): void {
    this.#end.drain();
  }

  /** Ends when the streams that are open have ended, and those that the client had on the way just now. */
  close(): void {
    if (this.#end.isAnnounced || this.#phase === "ending" || this.#phase === "closed") return;
    this.#end.announce();
  }

  #sayLast(): void {
    this.#end.sayLast(this.#lastStream);
    this.#phase = "ending";
    if (this.#streams.size === 0) this.#end.finish();
  }

  /** The client has made a mistake that concerns all of it (RFC 9113 section 5.4.1). */
  fail(code: number): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.writer.goaway(this.#lastStream, code);
    this.#dropAll();
    this.#end.finish();
  }

  #onClose(): void {
    this.#phase = "closed";
    this.#dropAll();
  }

  #dropAll(): void {
    const all = new Set([...this.#streams.values(), ...this.#turns.unwritten]);
    this.#streams.clear();
    this.#turns.clear();
    for (const stream of all) stream.onGone();
  }
}
