/** What opening, closing and resetting a device come to. */
export interface LifeRules {
  /** `one-at-a-time`: a second open is refused with EBUSY. */
  readonly opens: 'one-at-a-time' | 'any-number';
  /** Whether the last close resets the device and drops its event descriptors. */
  readonly resetsAtClose: boolean;
  /** Whether VFIO_DEVICE_RESET does anything. Event descriptors stay in any case. */
  readonly resetsAtCall: boolean;
  /** Whether what a device holds of its own (frames that wait for a buffer) is gone when it stops. */
  readonly stopEndsWhatIsInFlight: boolean;
}

/**
 * Of the text nothing is known but that the second RFC does nothing at open, close and reset; these are of the series
 * that followed it. What a stop comes to is the parent's matter there; hardware that is stopped begins anew.
 */
export const lifeRules: LifeRules = {
  opens: 'one-at-a-time',
  resetsAtClose: true,
  resetsAtCall: true,
  stopEndsWhatIsInFlight: true,
};
