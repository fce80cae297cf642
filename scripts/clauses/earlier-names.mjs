// Where a clause stood before it got the number or the name by which the catalogue calls it, read in those texts. Virtio: the
// number in version 1.4, then the number there. vhost-user: the name of today, then the name there.

export const earlierNumbers = {
  'virtio-1.0': {
    '2.4.1': '2.1.2', // what the status is after a reset was a rule of the status field
    2.7: '2.4',
    '2.7.1': '2.4.1',
    '2.7.2': '2.4.2',
    '2.7.3': '2.4.3',
    '2.7.4': '2.4.4',
    '2.7.4.1': '2.4.4.1',
    '2.7.4.2': '2.4.4.2',
    '2.7.4.3': '2.4.4.3',
    '2.7.5': '2.4.5',
    '2.7.5.1': '2.4.5.1',
    '2.7.5.2': '2.4.5.2',
    '2.7.5.3': '2.4.5.3',
    '2.7.5.3.1': '2.4.5.3.1',
    '2.7.5.3.2': '2.4.5.3.2',
    '2.7.6': '2.4.6',
    '2.7.6.1': '3.3.1', // that idx is not decremented was a rule of the cleanup
    '2.7.7.1': '2.4.7.1',
    '2.7.7.2': '2.4.7.2',
    '2.7.8': '2.4.8',
    '2.7.8.2': '2.4.8.2',
    '2.7.8.3': '2.4.8.3',
    '2.7.10': '2.4.9',
    '2.7.10.1': '2.4.9.1',
    '2.7.10.2': '2.4.9.2',
    '2.7.13.2': '3.2.1.2',
    '2.7.13.3': '3.2.1.3',
    '2.7.13.3.1': '3.2.1.3.1',
    '2.7.13.4': '3.2.1.4',
    '2.7.13.4.1': '3.2.1.4.1',
    '2.7.14': '3.2.2',
    '4.1.4.11.0.1': '4.1.4.9.0.1',
    '4.1.5.2': '4.1.5.2',
    '4.1.5.3.1': '4.1.5.3.1',
  },
  'virtio-1.1': { '2.4.1': '2.1.2' },
};

export const earlierNames = {
  'vhost-user-7.2': {
    VHOST_USER_SET_BACKEND_REQ_FD: 'VHOST_USER_SET_SLAVE_REQ_FD',
    VHOST_USER_BACKEND_CONFIG_CHANGE_MSG: 'VHOST_USER_SLAVE_CONFIG_CHANGE_MSG',
    VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG: 'VHOST_USER_SLAVE_VRING_HOST_NOTIFIER_MSG',
    VHOST_USER_BACKEND_VRING_CALL: 'VHOST_USER_SLAVE_VRING_CALL',
    'Payload / Multiple Memory regions description': 'Payload / Memory regions description',
  },
};
