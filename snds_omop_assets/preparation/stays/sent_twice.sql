-- stays/sent_twice: the geographic FINESS under which hospital groups sent what they do a second time until 2017, with
-- the field to which that applies: stays of the MCO of all three groups, its external care of the AP-HP and the AP-HM
-- (HDH activite_en_double).

WITH numbers AS (
    SELECT finess, hospital_group FROM (VALUES
        ('130780521', 'AP-HM'), ('130783236', 'AP-HM'), ('130783293', 'AP-HM'), ('130784234', 'AP-HM'),
        ('130804297', 'AP-HM'),
        ('690783154', 'HCL'), ('690784137', 'HCL'), ('690784152', 'HCL'), ('690784178', 'HCL'), ('690787478', 'HCL'),
        ('830100558', 'HCL'),
        ('600100101', 'AP-HP'), ('750041543', 'AP-HP'), ('750100018', 'AP-HP'), ('750100042', 'AP-HP'),
        ('750100075', 'AP-HP'), ('750100083', 'AP-HP'), ('750100091', 'AP-HP'), ('750100109', 'AP-HP'),
        ('750100125', 'AP-HP'), ('750100166', 'AP-HP'), ('750100208', 'AP-HP'), ('750100216', 'AP-HP'),
        ('750100232', 'AP-HP'), ('750100273', 'AP-HP'), ('750100299', 'AP-HP'), ('750801441', 'AP-HP'),
        ('750803447', 'AP-HP'), ('750803454', 'AP-HP'), ('910100015', 'AP-HP'), ('910100023', 'AP-HP'),
        ('920100013', 'AP-HP'), ('920100021', 'AP-HP'), ('920100039', 'AP-HP'), ('920100047', 'AP-HP'),
        ('920100054', 'AP-HP'), ('920100062', 'AP-HP'), ('930100011', 'AP-HP'), ('930100037', 'AP-HP'),
        ('930100045', 'AP-HP'), ('940100027', 'AP-HP'), ('940100035', 'AP-HP'), ('940100043', 'AP-HP'),
        ('940100050', 'AP-HP'), ('940100068', 'AP-HP'), ('950100016', 'AP-HP')
    ) AS t(finess, hospital_group)
    CROSS JOIN this_file f
    WHERE f.file_year <= 2017
)
SELECT finess, 'MCO' AS field FROM numbers
UNION ALL
SELECT finess, 'ACE_MCO' FROM numbers WHERE hospital_group IN ('AP-HP', 'AP-HM')
