// How is an amount of money written? As decimal text: a binary fraction would not be the sum that people add up.

/** The one way to write an amount: at least two decimals, more only where they are not zero ("12.50", "0.0375").
 *  @param amount a decimal as ClickHouse writes it */
export const moneyText = (amount: string): string => {
  const [whole = '0', decimals = ''] = amount.split('.');
  return `${whole}.${decimals.replace(/0+$/, '').padEnd(2, '0')}`;
};

/** A decimal text times a whole number, to as many places as it has, four at the least. */
export const timesAmount = (amount: string, by: number): string => {
  const [whole = '0', fraction = ''] = amount.replace('-', '').split('.');
  const places = Math.max(4, fraction.length);
  const units = BigInt(whole + fraction.padEnd(places, '0')) * BigInt(by);
  const digits = units.toString().padStart(places + 1, '0');
  return moneyText(`${amount.startsWith('-') ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`);
};
