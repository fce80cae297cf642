/** States of a ring (Ring states): whether it was started, and whether it is enabled, which are independent. */
export type RingState = 'stopped-disabled' | 'stopped-enabled' | 'started-disabled' | 'started-enabled';

/** What moves a ring from state to state. */
export type RingEvent =
  /** SET_VRING_KICK, or VRING_KICK where notifications travel in band. */
  | 'start'
  /** GET_VRING_BASE. */
  | 'stop'
  /** SET_VRING_ENABLE 1. */
  | 'enable'
  /** SET_VRING_ENABLE 0. */
  | 'disable'
  /** SET_FEATURES without VHOST_USER_F_PROTOCOL_FEATURES: there will be no SET_VRING_ENABLE. */
  | 'enable-without-protocol-features'
  /** RESET_DEVICE, or status 0. */
  | 'reset';

/** `without-side-effects`: what a started ring does while it is disabled. */
export type RingService = 'nothing' | 'without-side-effects' | 'everything';

export interface RingStateRules {
  readonly initial: RingState;
  readonly next: Readonly<Record<RingState, Readonly<Record<RingEvent, RingState>>>>;
  readonly service: Readonly<Record<RingState, RingService>>;
}

export const ringStateRules: RingStateRules = {
  initial: 'stopped-disabled',
  next: {
    'stopped-disabled': {
      start: 'started-disabled',
      stop: 'stopped-disabled',
      enable: 'stopped-enabled',
      disable: 'stopped-disabled',
      'enable-without-protocol-features': 'stopped-enabled',
      reset: 'stopped-disabled',
    },
    'stopped-enabled': {
      start: 'started-enabled',
      stop: 'stopped-enabled',
      enable: 'stopped-enabled',
      disable: 'stopped-disabled',
      'enable-without-protocol-features': 'stopped-enabled',
      reset: 'stopped-disabled',
    },
    'started-disabled': {
      start: 'started-disabled',
      stop: 'stopped-disabled',
      enable: 'started-enabled',
      disable: 'started-disabled',
      'enable-without-protocol-features': 'started-enabled',
      reset: 'stopped-disabled',
    },
    'started-enabled': {
      start: 'started-enabled',
      stop: 'stopped-enabled',
      enable: 'started-enabled',
      disable: 'started-disabled',
      'enable-without-protocol-features': 'started-enabled',
      reset: 'stopped-disabled',
    },
  },
  service: {
    'stopped-disabled': 'nothing',
    'stopped-enabled': 'nothing',
    'started-disabled': 'without-side-effects',
    'started-enabled': 'everything',
  },
};

export const isStarted = (state: RingState): boolean => state === 'started-disabled' || state === 'started-enabled';
