<?php
// {{ component }}: DokuWiki's settings, put in place by provisioning.
$conf['title'] = 'Team wiki';
$conf['savedir'] = '/srv/wiki/dokuwiki/data';
$conf['useacl'] = 1;
$conf['authtype'] = 'authldap';
$conf['updatecheck'] = 0;
