export { copySessions, type CopyOptions, type CopyProgress } from "./sessions/store/copy.ts";
export { defineSessionFormat, type SessionData, type SessionFormat } from "./sessions/store/format.ts";
export { SessionStore, sessionStore, type SessionStoreOptions } from "./sessions/store/session-store.ts";
