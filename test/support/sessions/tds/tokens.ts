/** A result: texts are nvarchar(max), numbers are float. */
export interface Result {
  readonly columns: Readonly<Record<string, "text" | "number">>;
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  /** Rows returned or changed. */
  readonly count: number;
}

const TDS_7_4 = 0x74_00_00_04;
const TOKEN = { loginAck: 0xad, columns: 0x81, row: 0xd1, error: 0xaa, done: 0xfd, doneProc: 0xfe, returnStatus: 0x79 };
const DONE_ERROR = 0x02;
const DONE_COUNT = 0x10;
const COLLATION = Buffer.from([0x09, 0x04, 0xd0, 0x00, 0x34]);
const NVARCHAR_MAX = Buffer.concat([Buffer.from([0xe7, 0xff, 0xff]), COLLATION]);
const FLOAT = Buffer.from([0x6d, 8]);

/** The tokens of MS-TDS 2.2.7, as far as a store of sessions meets them. */
export function loginAccepted(): Buffer {
  const name = shortText("Scripted");
  const body = Buffer.concat([Buffer.from([1]), uint32be(TDS_7_4), name, Buffer.from([13, 0, 0, 0])]);
  return Buffer.concat([Buffer.from([TOKEN.loginAck]), uint16(body.length), body, done(TOKEN.done, 0, 0)]);
}

export function refused(number: number, message: string, severity = 14): Buffer {
  const text = Buffer.from(message, "utf16le");
  const body = Buffer.concat([
    uint32(number),
    Buffer.from([1, severity]),
    uint16(text.length / 2),
    text,
    shortText("peer"),
    shortText(""),
    uint32(1),
  ]);
  return Buffer.concat([Buffer.from([TOKEN.error]), uint16(body.length), body, done(TOKEN.done, DONE_ERROR, 0)]);
}

/** The end of a batch that gives nothing. */
export function batchDone(): Buffer {
  return done(TOKEN.done, 0, 0);
}

export function answered({ columns, rows, count }: Result): Buffer {
  const names = Object.entries(columns);
  const head = [Buffer.from([TOKEN.columns]), uint16(names.length), ...names.map(([name, type]) => columnOf(name, type))];
  const data = rows.map((row) =>
    Buffer.concat([
      Buffer.from([TOKEN.row]),
      ...names.map(([name, type]) => (type === "text" ? longText(String(row[name])) : float(Number(row[name])))),
    ]),
  );
  const end = [Buffer.from([TOKEN.returnStatus]), uint32(0), done(TOKEN.doneProc, DONE_COUNT, count)];
  return Buffer.concat([...(names.length === 0 ? [] : [...head, ...data]), ...end]);
}

function columnOf(name: string, type: "text" | "number"): Buffer {
  return Buffer.concat([uint32(0), uint16(1), type === "text" ? NVARCHAR_MAX : FLOAT, shortText(name)]);
}

function done(token: number, status: number, count: number): Buffer {
  const rows = Buffer.alloc(8);
  rows.writeBigUInt64LE(BigInt(count));
  return Buffer.concat([Buffer.from([token]), uint16(status), uint16(0), rows]);
}

function longText(text: string): Buffer {
  const bytes = Buffer.from(text, "utf16le");
  const total = Buffer.alloc(8);
  total.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([total, ...(bytes.length === 0 ? [] : [uint32(bytes.length), bytes]), uint32(0)]);
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(8);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "utf16le")]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint32be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
