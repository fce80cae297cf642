/** What opening, closing and resetting a device come to. */
export interface LifeRules {
  /** `one-at-a-time`: a second open is refused with EBUSY. */
  readonly opens: 'one-at-a-time' | 'any-number';
  /** Whether the last close resets the device and drops its event descriptors. */
  readonly resetsAtClose: boolean;
  /** Whether VFIO_DEVICE_RESET does anything. Event descriptors stay in any case. */
  readonly resetsAtCall: boolean;
}

/** Of the text nothing is known but that the second RFC does nothing; these are of the series that followed it. */
export const lifeRules: LifeRules = { opens: 'one-at-a-time', resetsAtClose: true, resetsAtCall: true };
