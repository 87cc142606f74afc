<?php
// Where the wiki's pages, media and accounts are: on the volume, not where the package has them.
$conf['title'] = 'Team wiki';
$conf['license'] = 'cc-by-sa';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['savedir'] = '/srv/wiki/data';
$config_cascade['acl']['default'] = '/srv/wiki/acl/acl.auth.php';
$config_cascade['plainauth.users']['default'] = '/srv/wiki/acl/users.auth.php';
