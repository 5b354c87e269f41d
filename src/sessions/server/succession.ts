import type { ClientSnapshot } from "../commands/client.ts";
import type { SessionAddress } from "./listen-address.ts";

/**
 * How one generation of the state server takes over from another. The old one starts the new one as its child; they speak over the process channel
 * (`serialization: "advanced"`), in this order:
 *
 *     new: hello, reads the log while the old one serves → new: read → old: holds all commands, makes everything safe, gives up the lock →
 *     old: final → new: reads the rest, takes the lock, binds what the old one does not listen on → new: prepared → old: listener …, commit → new: accepts, committed → old: client …, moved
 *
 * Until `commit` the old one can go on as if nothing were. After it there is no way back: the new one may have changed something. Should it die then,
 * the old one ends too, and whoever watches over it starts again from the log.
 */
export type ToSuccessor =
  /** `addresses`: what the old one listens on, and will hand over. Absent: all that the new one wants. */
  | { readonly kind: "final"; readonly nextId: number; readonly addresses?: readonly SessionAddress[] | undefined }
  /** Comes with the listening handle. */
  | { readonly kind: "listener"; readonly address: SessionAddress }
  | { readonly kind: "commit" }
  /** Every client that there was is over. */
  | { readonly kind: "moved" }
  /** Comes with the connection's handle; `rest` is what was read and not run. */
  | { readonly kind: "client"; readonly client: ClientSnapshot; readonly rest: Uint8Array }
  /** A web server's connection, likewise; there are none where the new one does not know the protocol, as it would have refused the option. */
  | { readonly kind: "asp.net"; readonly rest: Uint8Array };

export type ToPredecessor =
  | { readonly kind: "hello"; readonly protocol: number; readonly pid: number }
  | { readonly kind: "read" }
  | { readonly kind: "prepared" }
  | { readonly kind: "committed" }
  | { readonly kind: "failed"; readonly why: string };

/** Both sides must mean the same by the messages above. */
export const SUCCESSION_PROTOCOL = 1;
