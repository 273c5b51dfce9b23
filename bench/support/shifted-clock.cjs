// What is a process whose wall clock is wrong? One that is started with this file (`NODE_OPTIONS=--require …`): its `Date` is off by as many
// milliseconds as the file CLOCK_SHIFT_FILE says, which may change at any time. Monotonic clocks and timers go on as they do.
const { readFileSync } = require('node:fs');

const RealDate = Date;
let shift = 0;
const look = () => {
  try {
    shift = Number(readFileSync(process.env.CLOCK_SHIFT_FILE, 'utf8')) || 0;
  } catch {
    // Not there yet: the clock is right.
  }
};
look();
setInterval(look, 50).unref();

globalThis.Date = class Date extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + shift);
    else super(...values);
  }

  static now() {
    return RealDate.now() + shift;
  }
};
