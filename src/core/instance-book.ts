import { instanceNumber, type InstanceName } from "../base/names.ts";
import type { AppState, Instance, InstanceBook } from "./state.ts";

const SHELF_SIZE = 64;

export const EMPTY_BOOK: InstanceBook = Object.freeze({});

export function find({ instances }: Pick<AppState, "instances">, name: InstanceName): Instance | undefined {
  return instances[shelfOf(name)]?.[name];
}

/** In the order in which they were started. */
export function all({ instances }: Pick<AppState, "instances">): readonly Instance[] {
  const found: Instance[] = [];
  for (const shelf of Object.values(instances)) for (const instance of Object.values(shelf)) found.push(instance);
  return found;
}

export function withInstance(book: InstanceBook, instance: Instance): InstanceBook {
  const key = shelfOf(instance.name);
  return { ...book, [key]: { ...book[key], [instance.name]: instance } };
}

export function withoutInstance(book: InstanceBook, name: InstanceName): InstanceBook {
  const key = shelfOf(name);
  const { [name]: _gone, ...left } = book[key] ?? {};
  if (Object.keys(left).length > 0) return { ...book, [key]: left };
  const { [key]: _empty, ...others } = book;
  return others;
}

/** As it is kept now, whether it was stored by this version or by an older one, which had all instances in one record by name. */
export function bookOf(stored: InstanceBook | Readonly<Record<InstanceName, Instance>>): InstanceBook {
  const old = Object.values(stored).filter(isInstance);
  return old.length === 0 ? (stored as InstanceBook) : old.reduce(withInstance, EMPTY_BOOK);
}

function isInstance(value: Instance | InstanceBook[string]): value is Instance {
  return typeof value.name === "string";
}

/** By its number. Keys that are whole numbers come in their order, whatever the order in which they were set. */
function shelfOf(name: InstanceName): string {
  return String(Math.floor(instanceNumber(name) / SHELF_SIZE));
}
