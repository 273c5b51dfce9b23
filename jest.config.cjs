// The embedded stores are real processes: one worker a core is enough, and a test that waits for one gets the
// time that this takes on a machine that is busy with other things.
const { readFileSync } = require('node:fs');

const swc = JSON.parse(readFileSync(`${__dirname}/.swcrc`, 'utf8'));
// Jest can't run a native import() of a module that it has to transform.
const commonjs = { ...swc.module, ignoreDynamic: false };

/** @type {import('jest').Config} */
module.exports = {
  rootDir: __dirname,
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts'],
  moduleFileExtensions: ['ts', 'js', 'json'],
  transform: { '^.+\\.(t|j)s$': ['@swc/jest', { ...swc, module: commonjs, swcrc: false }] },
  // Nest 12 and a few of its parts are ES modules; jest hands them to swc instead of Node's require(esm).
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs|cookie|content-disposition|uuid|file-type)/)'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 300_000,
  maxWorkers: 2,
};
