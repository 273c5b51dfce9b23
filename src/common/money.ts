// How is an amount of money written? As decimal text: a binary fraction would not be the sum that people add up.

/** The one way to write an amount: at least two decimals, more only where they are not zero ("12.50", "0.0375").
 *  @param amount a decimal as ClickHouse writes it */
export const moneyText = (amount: string): string => {
  const [whole = '0', decimals = ''] = amount.split('.');
  return `${whole}.${decimals.replace(/0+$/, '').padEnd(2, '0')}`;
};

/** An amount times a whole number, to its last digit; written like every amount. */
export const timesAmount = (amount: string, by: number): string => {
  const [whole = '0', decimals = ''] = amount.replace('-', '').split('.');
  const units = BigInt(whole + decimals.padEnd(4, '0')) * BigInt(by);
  const digits = units.toString().padStart(5, '0');
  return `${amount.startsWith('-') ? '-' : ''}${moneyText(`${digits.slice(0, -4)}.${digits.slice(-4)}`)}`;
};
