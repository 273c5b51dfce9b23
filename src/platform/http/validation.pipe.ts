// How is input of the management and read routes checked? Unknown fields are refused, nothing is converted by guesswork.
import { ValidationPipe } from '@nestjs/common';
import * as transformer from 'class-transformer';
import * as validator from 'class-validator';
import { type FieldError, invalidInput } from '../../common/problem';

const snakeCase = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();

/** Flattens class-validator's tree: a path of dots and indexes, the constraint's name as the code. */
export const toFieldErrors = (errors: readonly validator.ValidationError[], parent = ''): FieldError[] =>
  errors.flatMap((error) => {
    const path = parent === '' ? error.property : `${parent}.${error.property}`;
    const own = Object.entries(error.constraints ?? {}).map(([name, message]) => ({
      path,
      code: codeOf(name),
      message,
    }));
    return [...own, ...toFieldErrors(error.children ?? [], path)];
  });

const codeOf = (constraint: string): string =>
  constraint === 'whitelistValidation' ? 'unknown_field' : snakeCase(constraint);

/** The pipe for every route that takes a DTO. How deep and wide a body may be was settled when it was read.
 *  TRICKY: Nest turns `forbidUnknownValues` off unless it is given; without it a body that is no object passes unchecked. */
export const makeValidationPipe = (): ValidationPipe =>
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    transformOptions: { enableImplicitConversion: false },
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    // Given here, so that the pipe needs no dynamic import.
    validatorPackage: validator,
    transformerPackage: transformer,
    exceptionFactory: (errors) => invalidInput({ errors: toFieldErrors(errors) }),
  });
