// May this text be stored and bound? What the warehouse and Postgres can't both hold is refused at every door by the same rule.

/** Whether a text has neither NUL nor a lone surrogate. */
export const isCleanText = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
