/** How the daemon tells instances of a move of their sessions, and how they answer: a contract between two programs. */

/** The URL of the app's session store. */
export const SESSION_URL = "HITLESS_SESSION_URL";
/** While sessions move: what is written is written there too; the store of `SESSION_URL` is read. */
export const SESSION_MOVE_TO = "HITLESS_SESSION_MOVE_TO";
/** Likewise, where `SESSION_URL` is the new store already. */
export const SESSION_MOVE_FROM = "HITLESS_SESSION_MOVE_FROM";
/** Which move it is. */
export const SESSION_MOVE = "HITLESS_SESSION_MOVE";

/** In front of the names of instances that write into both stores, in the new one; what is kept there is a list of what their sessions' ids begin with. */
export const marksPrefix = (move: string): string => `hitless-move:${move}:`;
