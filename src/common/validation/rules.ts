// How is a field's rule said once? As a list of named tests of which the first that fails is reported, and nothing else.
import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { ValidateBy, ValidateIf } from 'class-validator';

/** One test of a value. `code` is part of the contract: what a client's program may look at. */
export interface Rule {
  readonly code: string;
  readonly test: (value: unknown) => boolean;
  /** What the value must be, to follow the field's name: "must be …". */
  readonly message: string;
}

/** What every field can say about itself. */
export interface FieldOptions {
  /** May be left out. */
  optional?: boolean;
  /** May be null, which is not the same as left out. */
  nullable?: boolean;
  description?: string;
  example?: unknown;
  default?: unknown;
}

const given: Rule = {
  code: 'required',
  test: (value) => value !== undefined && value !== null,
  message: 'must be given',
};

const notNull: Rule = { code: 'required', test: (value) => value !== null, message: 'must not be null' };

/** Makes a field's decorator from its rules and its documentation.
 *  TRICKY: class-validator reports every failed rule of a field; each rule here passes where an earlier one has failed. */
export function field(rules: readonly Rule[], api: ApiPropertyOptions, options: FieldOptions): PropertyDecorator {
  const all = [options.optional === true ? notNull : given, ...rules];
  const { optional = false, nullable = false, description, example } = options;
  return applyDecorators(
    ValidateIf((_object, value) => !((optional && value === undefined) || (nullable && value === null))),
    ...all.map((rule, at) =>
      ValidateBy({
        name: rule.code,
        validator: {
          validate: (value) => all.slice(0, at).some((earlier) => !earlier.test(value)) || rule.test(value),
          defaultMessage: () => rule.message,
        },
      }),
    ),
    ApiProperty({
      ...api,
      required: !optional,
      ...(nullable ? { nullable: true } : {}),
      ...(description === undefined ? {} : { description }),
      ...(example === undefined ? {} : { example }),
      ...(options.default === undefined ? {} : { default: options.default }),
    } as ApiPropertyOptions),
  );
}
