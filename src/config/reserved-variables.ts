/** Set by Hitless itself for every instance. */
export const RESERVED = /^(?:PORT|HOST|HITLESS_.*)$/;
