<?php
// SimpleSAMLphp as an identity provider for the tests. `tests/support/simplesamlphp.rs` starts it
// and says in the environment where it is reached and which folder is its own.

$folder = getenv('UCSSO_IDP_FOLDER');

$sources = [['type' => 'flatfile']];
foreach (glob("$folder/trusted/*.xml") as $file) {
    $sources[] = ['type' => 'xml', 'file' => $file];
}

$config = [
    'baseurlpath' => getenv('UCSSO_IDP_URL'),
    'certdir' => "$folder/cert/",
    'loggingdir' => "$folder/log/",
    'datadir' => "$folder/data/",
    'tempdir' => "$folder/tmp",
    'metadatadir' => __DIR__ . '/../metadata/',
    'metadata.sources' => $sources,
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',

    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'authproc.idp' => [],

    'secretsalt' => 'a salt for tests',
    'auth.adminpassword' => 'nobody administers this one',
    'technicalcontact_name' => 'Nobody',
    'technicalcontact_email' => 'nobody@example.test',
    'timezone' => 'UTC',
    'proxy' => null,
    'trusted.url.domains' => [],
    'admin.checkforupdates' => false,

    'store.type' => 'phpsession',
    'session.duration' => 8 * 3600,
    'session.cookie.secure' => false,
    'session.phpsession.savepath' => "$folder/tmp",
    'session.phpsession.cookiename' => 'SimpleSAML',
    'session.phpsession.httponly' => true,

    'logging.handler' => 'file',
    'logging.level' => SimpleSAML\Logger::INFO,
    'logging.logfile' => 'idp.log',
    'debug' => ['saml' => false, 'backtraces' => true, 'validatexml' => false],
    'showerrors' => true,
    'errorreporting' => false,

    'theme.use' => 'default',
    'language.default' => 'en',
    'language.available' => ['en'],
];
