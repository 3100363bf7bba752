<?php
// Who can log in: a name, a password, and what the assertion says of them.

$config = [
    'users' => [
        'exampleauth:UserPass',
        'alice:alicepw' => ['uid' => ['alice'], 'mail' => ['alice@example.test']],
        'bob:bobpw' => ['uid' => ['bob'], 'mail' => ['bob@example.test']],
    ],
];
