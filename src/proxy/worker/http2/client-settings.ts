import { CODE, FRAME_BYTES, FRAME_BYTES_MAX, INITIAL_WINDOW, SETTING, WINDOW_MAX } from "./protocol.ts";

const ENTRY_BYTES = 6;

/** What a client's SETTINGS say that concerns us (RFC 9113 section 6.5.2). */
export class ClientSettings {
  initialWindow = INITIAL_WINDOW;
  frameBytesMax = FRAME_BYTES;

  /** The error code by which the connection ends, or null. */
  apply(payload: Buffer): number | null {
    if (payload.length % ENTRY_BYTES !== 0) return CODE.frameSize;
    for (let at = 0; at < payload.length; at += ENTRY_BYTES) {
      const problem = this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      if (problem !== null) return problem;
    }
    return null;
  }

  #set(setting: number, value: number): number | null {
    switch (setting) {
      case SETTING.enablePush:
        return value > 1 ? CODE.protocol : null;
      case SETTING.initialWindowSize:
        if (value > WINDOW_MAX) return CODE.flowControl;
        this.initialWindow = value;
        return null;
      case SETTING.maxFrameSize:
        if (value < FRAME_BYTES || value > FRAME_BYTES_MAX) return CODE.protocol;
        // Long frames would only make the other streams wait.
        this.frameBytesMax = FRAME_BYTES;
        return null;
      default:
        return null;
    }
  }
}
